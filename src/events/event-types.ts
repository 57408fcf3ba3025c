/** The events that merchants can be told, and the patterns by which an endpoint chooses among them. */

export const EVENT_TYPES = [
  "payment_order.created",
  "payment_order.pending",
  "payment_order.authorized",
  "payment_order.succeeded",
  "payment_order.failed",
  "payment_order.parked",
  "payment_order.late_success",
  "payment_event.done",
] as const;

const SUBJECTS: ReadonlySet<string> = new Set(EVENT_TYPES.map((type) => type.split(".", 1)[0] ?? ""));

/** Every pattern that an endpoint may have. */
export const EVENT_PATTERNS: readonly string[] = [
  "*",
  ...[...SUBJECTS].map((subject) => `${subject}.*`),
  ...EVENT_TYPES,
];

const KNOWN: ReadonlySet<string> = new Set(EVENT_PATTERNS);

/** A pattern that matches nothing that exists is a mistyped one. */
export const isEventPattern = (pattern: string): boolean => KNOWN.has(pattern);
