/**
 * One item of a group commit: the rows that are written together or not at all. Rows are turned to JSON once,
 * when the item is made; a batch only joins them, so splitting or running a batch again costs nothing.
 */
import type { ActorRef, ActorState, CallIntent, Decision, EntryIntent } from "./actor.ts";
import { refName } from "./actor.ts";
import type { Section } from "../db/statements/commit-steps.ts";

export interface JournalItem {
  /** Names the item in every row; unique among the items that are under way in this process. */
  readonly number: number;
  readonly rows: Readonly<Partial<Record<Section, string>>>;
  /** What two items of one batch must not share: their guards could not see each other's writes. */
  readonly claims: readonly string[];
  /** Length of all rows: a checkout of many orders weighs more than one step. */
  readonly chars: number;
}

/** Durable mail that an item takes: it is marked handled in the same commit. */
export type Mail =
  | { readonly kind: "inbox"; readonly psp: string; readonly eventId: string }
  | { readonly kind: "observation"; readonly attempt: number; readonly source: string }
  | { readonly kind: "command"; readonly commandId: string };

/** What a node learnt from a PSP's answer, ready for its row. */
export interface Observation {
  readonly attempt: number;
  readonly source: "answer" | "inquiry";
  readonly fact: unknown;
  readonly httpStatus: number | null;
  readonly bodyBase64: string;
  readonly latencyMs: number;
}

export interface KeyRow {
  readonly merchantId: number;
  readonly key: string;
  readonly requestHash: string;
  readonly subject: string;
  readonly status: number | null;
  readonly answer: string | null;
}

const MAX_ITEM_NUMBER = 2 ** 31 - 1;
let lastNumber = 0;

export class ItemBuilder {
  readonly #number: number;
  readonly #rows: Partial<Record<Section, string>> = {};
  readonly #claims: string[] = [];
  #chars = 0;

  constructor() {
    lastNumber = lastNumber === MAX_ITEM_NUMBER ? 1 : lastNumber + 1;
    this.#number = lastNumber;
  }

  #add(section: Section, row: Record<string, unknown>): void {
    const text = JSON.stringify({ item: this.#number, ...row });
    const before = this.#rows[section];
    this.#chars += text.length;
    this.#rows[section] = before === undefined ? text : `${before},${text}`;
  }

  guard(ref: ActorRef, guard: { readonly version: number; readonly token: number; readonly stepId: string }): this {
    this.#claims.push(refName(ref));
    this.#add("guards", {
      merchant_id: ref.merchantId,
      id: ref.id,
      version: guard.version,
      token: guard.token,
      step_id: guard.stepId,
    });
    return this;
  }

  key(row: KeyRow): this {
    this.#claims.push(`key:${row.merchantId}/${row.key}`);
    this.#add("claims", { merchant_id: row.merchantId, key: row.key });
    this.#add("keys", {
      merchant_id: row.merchantId,
      key: row.key,
      request_hash: row.requestHash,
      subject: row.subject,
      status: row.status,
      answer: row.answer,
    });
    return this;
  }

  checkout(row: Record<string, unknown> & { readonly merchant_id: number; readonly checkout_id: string }): this {
    this.#claims.push(`checkout:${row.merchant_id}/${row.checkout_id}`);
    this.#add("claims", { merchant_id: row.merchant_id, checkout_id: row.checkout_id });
    this.#add("checkouts", row);
    return this;
  }

  /** A new actor, already moved by its first event. `publicId` is what must be unique for the merchant. */
  created(created: {
    readonly state: ActorState;
    readonly publicId: string;
    readonly stepId: string;
    readonly node: string;
  }): this {
    const { state, publicId, stepId, node } = created;
    this.#claims.push(`order:${state.ref.merchantId}/${publicId}`);
    const { merchantId, id } = state.ref;
    this.#add("claims", { merchant_id: merchantId, payment_order_id: publicId, id, step_id: stepId });
    this.#add("created", {
      ...state.toCreatedRow(),
      merchant_id: merchantId,
      owner: state.hasOpenCall ? node : null,
    });
    return this;
  }

  moved(moved: {
    readonly before: ActorState;
    readonly after: ActorState;
    readonly owner: string | null;
    readonly token: number;
    readonly doneEventId: string;
  }): this {
    this.#add("moved", {
      ...moved.after.toMovedRow(moved.before),
      merchant_id: moved.after.ref.merchantId,
      owner: moved.owner,
      new_token: moved.token,
    });
    const ended = moved.after.toEndedRow(moved.before);
    if (ended !== null)
      this.#add("ended", { ...ended, merchant_id: moved.after.ref.merchantId, done_event_id: moved.doneEventId });
    return this;
  }

  transition(step: {
    readonly ref: ActorRef;
    readonly seq: number;
    readonly stepId: string;
    readonly from: string;
    readonly to: string;
    readonly event: unknown;
    readonly at: string;
    readonly node: string;
    readonly trace: string | null;
  }): this {
    this.#add("transitions", {
      merchant_id: step.ref.merchantId,
      actor_id: step.ref.id,
      actor_kind: step.ref.kind,
      seq: step.seq,
      step_id: step.stepId,
      from_state: step.from,
      to_state: step.to,
      event: step.event,
      at: step.at,
      node: step.node,
      trace: step.trace,
    });
    return this;
  }

  attempt(ref: ActorRef, call: CallIntent, stamp: { readonly at: string; readonly node: string }): this {
    this.#add("attempts", {
      merchant_id: ref.merchantId,
      actor_id: ref.id,
      attempt: call.attempt,
      operation: call.kind,
      operation_number: call.operationNumber,
      psp: call.psp,
      idempotency_key: call.idempotencyKey,
      request: call.request,
      ...stamp,
    });
    return this;
  }

  /** `isHandled` is false when nobody has decided on it yet; it is false too when the item's guard fails. */
  observation(
    ref: ActorRef,
    observation: Observation,
    stamp: { readonly at: string; readonly node: string; readonly isHandled: boolean },
  ): this {
    this.#add("observations", {
      merchant_id: ref.merchantId,
      actor_id: ref.id,
      actor_kind: ref.kind,
      attempt: observation.attempt,
      source: observation.source,
      fact: observation.fact,
      http_status: observation.httpStatus,
      body: observation.bodyBase64,
      latency_ms: observation.latencyMs,
      at: stamp.at,
      node: stamp.node,
      is_handled: stamp.isHandled,
    });
    return this;
  }

  mail(ref: ActorRef, mail: Mail, outcome: { readonly disposition: string; readonly result: unknown }): this {
    if (mail.kind === "inbox") {
      this.#add("mail", { kind: mail.kind, psp: mail.psp, event_id: mail.eventId, disposition: outcome.disposition });
    } else if (mail.kind === "observation") {
      this.#add("mail", {
        kind: mail.kind,
        merchant_id: ref.merchantId,
        actor_id: ref.id,
        attempt: mail.attempt,
        source: mail.source,
      });
    } else {
      this.#add("mail", { kind: mail.kind, command_id: mail.commandId, result: outcome.result ?? null });
    }
    return this;
  }

  /** Sets the actor's deadline, or clears it with null. */
  timer(ref: ActorRef, seq: number, timer: { readonly name: string; readonly dueAtMs: number } | null): this {
    this.#add("timers", {
      merchant_id: ref.merchantId,
      actor_id: ref.id,
      actor_kind: ref.kind,
      seq,
      name: timer?.name ?? null,
      due_at: timer === null ? null : new Date(timer.dueAtMs).toISOString(),
    });
    return this;
  }

  event(event: {
    readonly ref: ActorRef;
    readonly id: string;
    readonly type: string;
    readonly orderVersion: number;
    readonly data: unknown;
    readonly at: string;
  }): this {
    this.#add("events", {
      merchant_id: event.ref.merchantId,
      id: event.id,
      type: event.type,
      subject_id: event.ref.id,
      order_version: event.orderVersion,
      data: event.data,
      created_at: event.at,
    });
    return this;
  }

  entry(ref: ActorRef, seq: number, entry: EntryIntent, at: string): this {
    this.#add("entries", {
      merchant_id: ref.merchantId,
      actor_id: ref.id,
      seq,
      rule: entry.rule,
      psp: entry.psp,
      psp_reference: entry.pspReference,
      at,
    });
    entry.postings.forEach((posting, leg) => {
      this.#add("postings", {
        merchant_id: ref.merchantId,
        actor_id: ref.id,
        seq,
        leg,
        currency: posting.currency,
        debit_account: posting.debit.name,
        debit_kind: posting.debit.kind,
        credit_account: posting.credit.name,
        credit_kind: posting.credit.kind,
        amount: posting.amountMinor.toString(),
        at,
      });
    });
    return this;
  }

  build(): JournalItem {
    return { number: this.#number, rows: this.#rows, claims: this.#claims, chars: this.#chars };
  }
}

/** The rows that every decision writes, whether the actor is new or moved: step, intents, deadline, books, outbox. */
export function addDecision(
  item: ItemBuilder,
  step: {
    readonly before: ActorState;
    readonly decision: Decision;
    readonly seq: number;
    readonly stepId: string;
    readonly event: unknown;
    readonly at: string;
    readonly node: string;
    readonly trace: string | null;
    readonly newId: () => string;
  },
): void {
  const { before, decision, seq, at, node } = step;
  const { next } = decision;
  const { ref } = next;
  item.transition({
    ref,
    seq,
    stepId: step.stepId,
    from: before.name,
    to: next.name,
    event: step.event,
    at,
    node,
    trace: step.trace,
  });
  for (const call of decision.calls) item.attempt(ref, call, { at, node });
  if (next.timer !== null && (next.timer.name !== before.timer?.name || next.timer.dueAtMs !== before.timer.dueAtMs)) {
    item.timer(ref, seq, next.timer);
  } else if (next.timer === null && before.timer !== null) {
    item.timer(ref, seq, null);
  }
  for (const entry of decision.entries) item.entry(ref, seq, entry, at);
  for (const { type, orderVersion, data } of decision.announcements) {
    item.event({ ref, id: step.newId(), type, orderVersion, data, at });
  }
}
