/**
 * Judges what is sent to the PSPs: with a committed intent, with the bytes that were stored, and never while it is unknown what
 * became of what was sent before. What Florin may know it learns from answers; what is true, the PSP says.
 */
import type { HttpExchange } from "../../src/psp/http-exchange.ts";
import type { Invariant } from "./invariants.ts";
import type { Life } from "./life.ts";
import type { AttemptRow, ModelTables, OrderRow } from "./model-contract.ts";
import { type PspCharge, type PspWatcher, SETTLE_MS } from "./psp.ts";
import type { World } from "./world.ts";

interface KeyMemory {
  body: string;
  /** Since when a send under this key may have taken effect without our knowing. */
  doubtSinceMs: number | null;
  isDeclined: boolean;
  /** When the newest question about it was asked. */
  askedAtMs: number;
  /** Number of its newest send. */
  attempt: number;
  /** The PSP has said that no send is welcome before; which one it answered. */
  comeBack: { readonly atMs: number; readonly attempt: number } | null;
}

/** An answer as it came over the wire: what of it must be stored. */
export interface Receipt {
  readonly source: string;
  readonly status: number | null;
  readonly bodyBase64: string;
  /** Then no more is sure to be stored than that there was a call. */
  readonly isGivenUp: boolean;
}

function toReceipt(kind: "charge" | "inquiry", exchange: HttpExchange, isGivenUp: boolean): Receipt {
  return {
    source: kind === "charge" ? "answer" : "inquiry",
    status: exchange.kind === "answered" ? exchange.status : null,
    bodyBase64: exchange.kind === "not_sent" ? "" : Buffer.from(exchange.body).toString("base64"),
    isGivenUp,
  };
}

interface LoggedEvent {
  readonly type?: string;
  readonly attempt?: number | null;
}

export interface CallJudge extends PspWatcher {
  readonly effects: ReadonlyMap<string, PspCharge>;
  /** Calls that reached a PSP. */
  calls(): number;
  /** Answers of PSPs that a life has heard, by order. */
  receiptsOf(life: Life): ReadonlyMap<string, readonly Receipt[]>;
  /** The order fails: none of its keys may have taken effect. */
  checkEnd(orderId: string): void;
}

export interface CallJudgeOptions {
  readonly merchants: readonly { readonly merchantId: number }[];
  /** How far a node's clock was off at worst. */
  readonly clockErrorMs: () => number;
  /** The PSP's truth about a key. */
  readonly findCharge: (key: string) => PspCharge | undefined;
}

/** What rounding to whole milliseconds may take. */
const ROUNDING_MS = 5;
const orderOf = (key: string): string => key.split(".")[0] ?? "";
const operationOf = (key: string): number => Number(key.split(".").at(-1));

export function createCallJudge(world: World, tables: ModelTables, options: CallJudgeOptions): CallJudge {
  const { timeline } = world;
  const keys = new Map<string, KeyMemory>();
  /** Calls by key and kind. */
  const counts = new Map<string, number>();
  const effects = new Map<string, PspCharge>();
  const receipts = new Map<Life, Map<string, readonly Receipt[]>>();
  let calls = 0;

  const fail = (invariant: Invariant, detail: string, orderId: string): void => world.fail(invariant, detail, orderId);

  function findOrder(orderId: string): { readonly name: string; readonly row: OrderRow } | null {
    for (const { merchantId } of options.merchants) {
      const name = `${merchantId}/${orderId}`;
      const row = tables.orders.get(name);
      if (row !== undefined) return { name, row };
    }
    return null;
  }

  /** Whether the PSP has surely not done it. A success that it makes of a decline by itself was not asked for. */
  const isDeclinedAtPsp = (key: string): boolean => {
    const charge = options.findCharge(key);
    return charge?.status === "declined" || charge?.isLateSuccess === true;
  };

  function checkEarlierOperations(key: string): void {
    const operation = operationOf(key);
    if (operation === 1) return;
    world.probe("a new operation follows a decline");
    const before = key.replace(/\d+$/, String(operation - 1));
    if (!isDeclinedAtPsp(before)) {
      fail("new key after proof", `operation ${operation} is sent, the one before is not declined`, orderOf(key));
    }
  }

  /** Unless nobody took the answer in, or an operator will not wait. */
  function checkPatience({ comeBack }: KeyMemory, name: string, orderId: string): void {
    if (comeBack === null) return;
    const log = (tables.transitions.get(name) ?? []).map(({ event }) => event as LoggedEvent);
    const taken = log.findIndex(({ type, attempt }) => type === "psp.unsent" && attempt === comeBack.attempt);
    const earlyMs = comeBack.atMs - timeline.nowMs();
    if (taken < 0 || log.slice(taken).some(({ type }) => type === "order.retry")) return;
    if (earlyMs > options.clockErrorMs() + ROUNDING_MS)
      fail("deadline kept", `sent ${Math.round(earlyMs)} ms before the PSP wanted it`, orderId);
  }

  /** Between the committed intent and the send nobody else may have become the owner. */
  function checkSender(row: OrderRow, attempt: AttemptRow | undefined, life: Life): void {
    if (attempt !== undefined && row.owner !== attempt.node)
      fail("token decides", `${life.name} charges for ${attempt.node}, the owner is ${row.owner}`, row.id);
  }

  function checkCharge(key: string, body: string, attempt: number): void {
    const orderId = orderOf(key);
    const memory = keys.get(key);
    if (memory === undefined) {
      checkEarlierOperations(key);
      keys.set(key, { body, doubtSinceMs: timeline.nowMs(), isDeclined: false, askedAtMs: 0, attempt, comeBack: null });
      return;
    }
    world.probe("a charge is sent again under its key");
    if (memory.body !== body) fail("same bytes", "a resend differs", orderId);
    if (memory.isDeclined) fail("new key after proof", "sent again under a key that was declined", orderId);
    if (memory.doubtSinceMs !== null) {
      fail("proof before resend", `in doubt since ${timeline.nowMs() - memory.doubtSinceMs} ms`, orderId);
    }
    memory.doubtSinceMs = timeline.nowMs();
    memory.attempt = attempt;
    memory.comeBack = null;
  }

  return {
    effects,
    calls: () => calls,
    receiptsOf: (life) => receipts.get(life) ?? new Map(),

    checkEnd(orderId) {
      for (const [key, { doubtSinceMs }] of keys) {
        if (doubtSinceMs === null || orderOf(key) !== orderId || isDeclinedAtPsp(key)) continue;
        const truth = options.findCharge(key)?.status ?? "not there";
        fail("ended by proof", `${key.slice(-8)} is in doubt, at the PSP it is ${truth}`, orderId);
      }
    },

    onCall({ account, kind, key, body, life }) {
      calls += 1;
      const orderId = orderOf(key);
      const found = findOrder(orderId);
      if (found === null) {
        fail("intent first", `the PSP was called (${kind}) for an order that is not in the database`, orderId);
        return;
      }
      if (found.row.psp !== account) fail("one PSP", `sent to ${account}, opened for ${found.row.psp}`, orderId);
      const own = (tables.attempts.get(found.name) ?? []).filter(({ idempotencyKey }) => idempotencyKey === key);
      const count = (counts.get(`${key} ${kind}`) ?? 0) + 1;
      counts.set(`${key} ${kind}`, count);
      const intended = own.filter(({ operation }) => operation === kind).length;
      if (count > intended) fail("intent first", `${kind} number ${count} of ${intended} attempts`, orderId);
      if (kind === "inquiry") {
        const memory = keys.get(key);
        if (memory !== undefined) memory.askedAtMs = timeline.nowMs();
        return;
      }
      const newest = own.filter(({ operation }) => operation === kind).at(-1);
      checkSender(found.row, newest, life);
      const known = keys.get(key);
      if (known !== undefined) checkPatience(known, found.name, orderId);
      const [stored] = own.flatMap(({ request }) => request ?? []);
      if (stored === undefined) fail("intent first", "charged without a stored request", orderId);
      else if (stored !== body) fail("same bytes", "what is sent is not what was stored", orderId);
      checkCharge(key, body, newest?.attempt ?? 0);
    },

    onAnswer({ key, kind, exchange, life, isGivenUp }) {
      const heard = receipts.get(life) ?? new Map<string, readonly Receipt[]>();
      const receipt = toReceipt(kind, exchange, isGivenUp);
      receipts.set(life, heard.set(orderOf(key), [...(heard.get(orderOf(key)) ?? []), receipt]));
      const memory = keys.get(key);
      if (memory === undefined) return;
      const status = exchange.kind === "answered" ? exchange.status : null;
      const text = exchange.kind === "answered" ? Buffer.from(exchange.body).toString() : "";
      // The PSP may speak of another charge; then it has said nothing of this one.
      const isOwn = text.includes(`"idempotency_key":"${key}"`);
      if (status === 200 && isOwn && text.includes('"status":"declined"')) {
        memory.isDeclined = true;
        memory.doubtSinceMs = null;
      } else if (kind === "charge") {
        if (exchange.kind === "not_sent" || status === 429) memory.doubtSinceMs = null;
        const afterMs = exchange.kind === "answered" && status === 429 ? Number(exchange.retryAfter) * 1_000 : 0;
        if (afterMs > 0) memory.comeBack = { atMs: timeline.nowMs() + afterMs, attempt: memory.attempt };
      } else if (status === 404 && memory.doubtSinceMs !== null) {
        if (memory.askedAtMs - memory.doubtSinceMs >= SETTLE_MS - 2 * options.clockErrorMs()) {
          memory.doubtSinceMs = null;
          world.probe("a lost charge is proven absent");
        } else {
          world.probe("not found before the settle time");
        }
      }
    },

    onEffect(charge) {
      const { orderId } = charge;
      if (findOrder(orderId) === null) fail("intent first", `effect ${charge.reference} of an unknown order`, orderId);
      effects.set(charge.reference, charge);
      const own = [...effects.values()].filter((effect) => effect.orderId === orderId);
      const asked = own.filter(({ isLateSuccess }) => !isLateSuccess);
      if (asked.length > 1) {
        fail("one effect", `${asked.map(({ key }) => key.slice(-8)).join(" and ")} took effect`, orderId);
      }
    },
  };
}
