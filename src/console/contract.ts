/**
 * What the console's server and its pages agree on: the answers of `/console/api` beyond the public API, which the
 * pages use under `/console/api/v1/…` with their session instead of a key. Types only; both sides import it.
 *
 * Every request that changes something carries the header `X-Florin-Console: 1`, which no form of another site can send.
 */

/** An operator may retry, resolve, cancel and redeliver; a reader may look. */
export type Role = "operator" | "reader";

/** `POST /console/api/session`. `read_only` gives up what the key may do beyond reading. */
export interface SignIn {
  readonly api_key: string;
  readonly read_only: boolean;
}

/** `GET /console/api/session`, and the answer to a sign-in. `DELETE` ends it. */
export interface Session {
  readonly role: Role;
  readonly scopes: readonly string[];
  readonly merchant: { readonly id: number; readonly name: string; readonly mode: "test" | "live" };
  readonly key_name: string;
  readonly expires_at: string;
}

export interface StateCount {
  /** `NOT_STARTED`, `EXECUTING.pending`, …: names as the chart has them. */
  readonly state: string;
  readonly count: number;
  /** Terminal states are counted over the last 24 hours, the others as they are now. */
  readonly window: "now" | "24h";
  /** The node has just begun to count the last 24 hours: `count` is what it knows so far. */
  readonly is_counting: boolean;
  readonly oldest_at: string | null;
}

export interface EdgeRate {
  /** `new` for the creation. */
  readonly from: string;
  readonly to: string;
  readonly per_minute: number;
}

export interface QueueSummary {
  readonly queue: "retrying" | "pending" | "resolving" | "parked" | "late";
  readonly count: number;
  readonly oldest_at: string | null;
  readonly oldest_age_seconds: number | null;
  readonly money_at_risk: readonly { readonly currency: string; readonly amount: string }[];
}

export interface PspHealth {
  readonly psp: string;
  readonly calls_per_second: number;
  readonly latency_ms: number | null;
  readonly in_flight: number;
  /** The circuit breaker holds calls back. */
  readonly is_open: boolean;
}

export interface NodeHealth {
  readonly node: string;
  readonly name: string;
  readonly started_at: string;
  readonly heartbeat_at: string;
  readonly is_alive: boolean;
}

/** One point of the small charts: the same figures as those of the overview, of one node alone. */
export interface Sample {
  readonly at: string;
  readonly payments_per_second: number;
  readonly success_rate: number | null;
  readonly psp_latency_ms: number | null;
  readonly batches_per_second: number;
}

/**
 * `GET /console/api/overview`; `GET /console/api/live` sends it as SSE event `overview`, at most once a second, when it
 * changed. What a process does for all merchants together (`steps_per_second`, `batches`, `psps`, `nodes`, `samples`) is
 * for operators of the first merchant, who runs this Florin, and null for everybody else. `edges`, `payments_per_second`
 * and `success_rate` are of all merchants for them, and for everybody else of the orders that their merchant created
 * within the last minutes.
 */
export interface Overview {
  readonly at: string;
  readonly states: readonly StateCount[];
  readonly edges: readonly EdgeRate[];
  readonly payments_per_second: number;
  readonly steps_per_second: number | null;
  /** Of the orders that ended within the last minutes; null when none did. */
  readonly success_rate: number | null;
  readonly batches: {
    readonly per_second: number;
    readonly items_mean: number | null;
    readonly ms_mean: number | null;
  } | null;
  readonly psps: readonly PspHealth[] | null;
  readonly queues: readonly QueueSummary[];
  readonly trial_balance: {
    readonly is_balanced: boolean;
    readonly currencies: readonly { readonly currency: string; readonly difference: string }[];
  };
  /** Of the merchant's enabled endpoints: how many fail, and deliveries of theirs that were given up or come late. */
  readonly webhooks: { readonly failing: number; readonly parked: number; readonly late: number };
  readonly nodes: readonly NodeHealth[] | null;
  /** The last ten minutes of the node that answered, from its memory. */
  readonly samples: readonly Sample[] | null;
  /** Its name. */
  readonly samples_node: string | null;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface ChartNode extends Box {
  /** `EXECUTING`, `EXECUTING.pending`, …; the machine's state names. */
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** The state that it lies in; null at the top. Coordinates are absolute. */
  readonly parent: string | null;
  readonly is_initial: boolean;
}

/** All transitions from one state to another, drawn as one arrow. `from` and `to` may be the same. */
export interface ChartEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly events: readonly {
    readonly event: string;
    readonly guard: string | null;
    readonly actions: readonly string[];
  }[];
  readonly points: readonly Point[];
  readonly label: (Box & { readonly text: string }) | null;
}

/** `GET /console/machines/{id}.layout.json`: a machine as it is drawn; made at build time from the machine itself. */
export interface MachineChart {
  readonly id: string;
  readonly version: number;
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly ChartNode[];
  readonly edges: readonly ChartEdge[];
}

/** `GET /console/api/payments/{id}/history`: what a replay through the pure machine needs. */
export interface OrderHistory {
  readonly machine: { readonly id: string; readonly version: number };
  /** The machine's input. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly transitions: readonly HistoryStep[];
}

export interface HistoryStep {
  readonly seq: number;
  readonly at: string;
  readonly from: string;
  readonly to: string;
  /** The machine event, as it was stored. */
  readonly event: { readonly type: string } & Readonly<Record<string, unknown>>;
  readonly node: string;
}

/** `GET /console/api/payments/{id}/calls`: every call to a PSP and every notice from it, redacted. */
export interface OrderCalls {
  readonly calls: readonly PspCall[];
  readonly notices: readonly PspNoticeSeen[];
}

export interface PspCall {
  readonly attempt: number;
  readonly operation: string;
  readonly operation_number: number;
  readonly psp: string;
  readonly idempotency_key: string;
  readonly at: string;
  readonly node: string;
  readonly request: string | null;
  /** What came back; empty while the call is out, or when it was lost with its node. */
  readonly answers: readonly {
    readonly source: "answer" | "inquiry";
    readonly at: string;
    readonly outcome: string;
    readonly http_status: number | null;
    readonly latency_ms: number;
    readonly body: string;
  }[];
}

export interface PspNoticeSeen {
  readonly event_id: string;
  readonly type: string;
  readonly received_at: string;
  readonly disposition: string | null;
  readonly body: string;
}

/** `GET /console/api/search?q=`: any id, also a PSP reference. */
export interface SearchResult {
  readonly data: readonly {
    readonly payment_order_id: string;
    readonly checkout_id: string;
    readonly status: string;
    readonly phase: string | null;
    readonly amount: string;
    readonly currency: string;
    readonly matched: "payment_order_id" | "checkout_id" | "psp_reference" | "seller_account" | "event_id";
  }[];
}

/** `GET /console/api/endpoints?endpoint_id=`: of that endpoint, or of the newest enabled ones, whether webhooks arrive. */
export interface EndpointsHealth {
  readonly data: readonly {
    readonly endpoint_id: string;
    /** Since when the newest attempts all failed; null while they do not. */
    readonly failing_since: string | null;
  }[];
}

/**
 * `POST /console/api/inspect {payment_order_id?}`: where a tool that speaks the Stately Inspector's protocol attaches
 * (`createWebSocketReceiver({server: url})`), within a minute. It hears the steps of the node that it reaches.
 */
export interface InspectionTicket {
  readonly url: string;
  readonly expires_at: string;
}

/** `GET /console/api/audit?cursor=`: who decided what, newest first. Also of decisions made through the public API. */
export interface AuditPage {
  readonly data: readonly AuditEntry[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly who: string;
  readonly via: "console" | "api";
  /** The last five are of webhook endpoints. */
  readonly action: "retry" | "resolve" | "cancel" | "redeliver" | "rotate" | "change" | "enable" | "disable" | "delete";
  readonly subject: string;
  /** As it was given; of a redelivery, which range; of a changed endpoint, which of its fields. */
  readonly reason: string | null;
  /** The HTTP status that the decision was answered with; null when the node died before it was known. */
  readonly status: number | null;
}
