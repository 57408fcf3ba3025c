/**
 * Checks the invariants while a run goes on. It looks at the database's rows and at the PSP's truth from outside and keeps
 * its own memory of both; the engine's word counts for nothing here.
 */
import { isDeepStrictEqual } from "node:util";
import { type SnapshotFrom, transition } from "xstate";
import { newPaymentOrderContext, paymentOrderMachine } from "../../machines/payment-order.ts";
import type { PaymentOrderContext, PaymentOrderEvent } from "../../machines/payment-order-types.ts";
import type { Invariant } from "./invariants.ts";
import { EPOCH_MS, type Life } from "./life.ts";
import type { ModelDatabase, OrderRow, PostingRow, TransitionRow } from "./model-contract.ts";
import type { PspCharge, PspWatcher } from "./psp.ts";
import type { World } from "./world.ts";

interface OrderMemory {
  /** Transitions that were replayed. */
  replayed: number;
  snapshot: SnapshotFrom<typeof paymentOrderMachine>;
  token: number;
  version: number;
  lastState: string;
  isForeign: boolean;
}

interface KeyMemory {
  body: string;
  /** Since when a send under this key may have taken effect without our knowing. */
  doubtSinceMs: number | null;
  isDeclined: boolean;
}

interface Stored {
  readonly value?: unknown;
  readonly context?: PaymentOrderContext;
}

/** The PSP's "not found" counts when it was asked this long after the last send. */
const SETTLE_MS = 5_000;

export interface Judge {
  readonly psp: PspWatcher;
  onCommit(orders: ReadonlySet<string>): void;
  /** The order's rows are a newer build's from now on, or ours again. */
  setForeign(order: string, isForeign: boolean): void;
  readonly effects: ReadonlyMap<string, PspCharge>;
  /** Sums all books from the postings. */
  checkBooks(): void;
  /** Calls that reached a PSP. */
  calls(): number;
  /** Answers of PSPs that a life has heard, by order. */
  receiptsOf(life: Life): ReadonlyMap<string, number>;
}

const sumOf = (lines: readonly PostingRow[]): bigint => lines.reduce((total, { amount }) => total + amount, 0n);

export function createJudge(
  world: World,
  model: ModelDatabase,
  options: {
    readonly clockErrorMs: () => number;
    /** The PSP's truth about a key. */
    readonly findCharge: (key: string) => PspCharge | undefined;
  },
): Judge {
  const { tables } = model;
  const { timeline } = world;
  const orders = new Map<string, OrderMemory>();
  const keys = new Map<string, KeyMemory>();
  const effects = new Map<string, PspCharge>();
  const receipts = new Map<Life, Map<string, number>>();
  let calls = 0;
  const balances = new Map<string, { debits: bigint; credits: bigint }>();
  const booked = new Map<string, number>();

  const fail = (invariant: Invariant, detail: string, orderId: string | null = null): void =>
    world.fail(invariant, detail, orderId);

  function remember(row: OrderRow, stored: Stored): OrderMemory {
    const { context } = stored;
    if (context === undefined) throw new Error("an order has no context");
    const { amount, platformFee, currency, psp, policy, settleTimeMs, keyLifetimeMs } = context;
    return {
      replayed: 0,
      snapshot: paymentOrderMachine.resolveState({
        value: "NOT_STARTED",
        context: newPaymentOrderContext({ amount, platformFee, currency, psp, policy, settleTimeMs, keyLifetimeMs }),
      }),
      token: row.fencingToken,
      version: 0,
      lastState: "NOT_STARTED",
      isForeign: false,
    };
  }

  function checkOrder(name: string): void {
    const row = tables.orders.get(name);
    if (row === undefined) return;
    const stored = row.snapshot as Stored;
    let memory = orders.get(name);
    if (memory === undefined) {
      memory = remember(row, stored);
      orders.set(name, memory);
    }
    if (memory.isForeign && row.version !== memory.version) fail("foreign version", "a step was written", row.id);
    if (row.fencingToken < memory.token) {
      fail("token decides", `token ${row.fencingToken} after ${memory.token}`, row.id);
    }
    memory.token = row.fencingToken;
    replay(memory, row, tables.transitions.get(name) ?? []);
    memory.version = row.version;
    if (row.version !== memory.replayed) {
      fail("gapless log", `version ${row.version} with ${memory.replayed} transitions`, row.id);
    }
    if (
      !isDeepStrictEqual(stored.value, memory.snapshot.value) ||
      !isDeepStrictEqual(stored.context, memory.snapshot.context)
    ) {
      fail(
        "snapshot is replay",
        `${JSON.stringify(stored.value)} is stored, the log gives ${JSON.stringify(memory.snapshot.value)}`,
        row.id,
      );
    }
    checkBookings(name, row, memory.snapshot.context);
  }

  function replay(memory: OrderMemory, row: OrderRow, log: readonly TransitionRow[]): void {
    for (const step of log.slice(memory.replayed)) {
      if (step.seq !== memory.replayed + 1)
        fail("gapless log", `transition ${step.seq} after ${memory.replayed}`, row.id);
      if (step.fromState !== memory.lastState) {
        fail(
          "gapless log",
          `transition ${step.seq} is from ${step.fromState}, the order was ${memory.lastState}`,
          row.id,
        );
      }
      const event = step.event as PaymentOrderEvent;
      if (event.type === "timer.fired") checkTimer(memory, row, event.name);
      if (step.toState === "FAILED" && step.fromState !== "FAILED" && event.type !== "order.resolve")
        checkEnd(row, event.type === "psp.declined" ? event.operation : null);
      const [next] = transition(paymentOrderMachine, memory.snapshot, event);
      memory.snapshot = next;
      memory.replayed += 1;
      memory.lastState = step.toState;
      const reached = typeof next.value === "string" ? next.value : `EXECUTING.${next.value.EXECUTING}`;
      if (reached !== step.toState)
        fail("snapshot is replay", `${event.type} leads to ${reached}, not ${step.toState}`, row.id);
      world.probe(`edge ${step.fromState} → ${step.toState} on ${event.type}`);
    }
  }

  /** A decline is the proof for its own operation. */
  function checkEnd(row: OrderRow, declined: number | null): void {
    for (const [key, { doubtSinceMs }] of keysOf(row.id)) {
      if (Number(key.split(".").at(-1)) === declined) continue;
      const charge = options.findCharge(key);
      if (doubtSinceMs !== null && charge?.status !== "declined") {
        fail(
          "ended by proof",
          `${key.slice(-8)} is in doubt, at the PSP it is ${charge?.status ?? "not there"}`,
          row.id,
        );
      }
    }
  }

  /** On the database's clock, where timers are judged; the deadline itself was set on a node's. */
  function checkTimer(memory: OrderMemory, row: OrderRow, name: string): void {
    const { timer } = memory.snapshot.context;
    if (timer === null || timer.name !== name) {
      fail("deadline kept", `${name} fired, ${timer?.name ?? "nothing"} was set`, row.id);
      return;
    }
    const nowMs = EPOCH_MS + timeline.nowMs();
    if (timer.dueAt > nowMs + 1) fail("deadline kept", `${name} fired ${timer.dueAt - nowMs} ms early`, row.id);
  }

  function checkBookings(name: string, row: OrderRow, context: PaymentOrderContext): void {
    const entries = tables.entries.get(name) ?? [];
    const postings = tables.postings.get(name) ?? [];
    const payIns = entries.filter(({ rule }) => rule === "pay_in");
    const lates = entries.filter(({ rule }) => rule === "late_success");
    const isPaid = row.status === "SUCCESS";
    if (payIns.length !== (isPaid ? 1 : 0) || row.ledgerUpdated !== isPaid || row.walletUpdated !== isPaid) {
      fail(
        "booked as asked",
        `${row.status} with ${payIns.length} pay-ins (${row.ledgerUpdated}/${row.walletUpdated})`,
        row.id,
      );
    }
    if (lates.length !== row.lateOpen || lates.length !== context.late.length) {
      fail(
        "late bookkeeping",
        `${lates.length} entries, ${row.lateOpen} counted, ${context.late.length} known`,
        row.id,
      );
    }
    for (const entry of payIns) {
      const lines = postings.filter(({ seq }) => seq === entry.seq);
      const sum = sumOf(lines);
      const isOperators = tables.transitions.get(name)?.[entry.seq - 1]?.event as { type?: string } | undefined;
      // An operator books what the PSP holds.
      const isExact = isOperators?.type === "order.resolve" || sum === row.amount;
      if (!isExact || lines.some(({ currency }) => currency !== row.currency) || sum !== row.amountCaptured) {
        fail("booked as asked", `${sum} is booked, ${row.amount} ${row.currency} was asked for`, row.id);
      }
      const feeMinor = row.platformFee < sum ? row.platformFee : sum;
      const toSeller = sumOf(
        lines.filter(({ creditAccount }) => creditAccount === `seller:${row.sellerAccount}:payable`),
      );
      const toPlatform = sumOf(lines.filter(({ creditAccount }) => creditAccount === "platform:fees"));
      const isClearing = lines.every(({ debitAccount }) => debitAccount === `psp:${row.psp}:clearing`);
      if (toSeller !== sum - feeMinor || toPlatform !== feeMinor || !isClearing) {
        fail("booked as asked", `of ${sum} the seller got ${toSeller} and the platform ${toPlatform}`, row.id);
      }
    }
    if (entries.some(({ seq }) => !postings.some((posting) => posting.seq === seq))) {
      fail("books balance", "an entry has no postings", row.id);
    }
    addPostings(name);
    if (payIns.some(({ psp }) => psp !== row.psp)) fail("one PSP", "booked for another PSP", row.id);
  }

  /** The judge's own sums, from the postings that are new since the last look. */
  function addPostings(name: string): void {
    const postings = tables.postings.get(name) ?? [];
    const known = booked.get(name) ?? 0;
    if (postings.length === known) return;
    const [merchant] = name.split("/");
    for (const { currency, debitAccount, creditAccount, amount } of postings.slice(known)) {
      if (amount <= 0n) fail("books balance", `a posting of ${amount}`);
      for (const [account, debit, credit] of [
        [debitAccount, amount, 0n],
        [creditAccount, 0n, amount],
      ] as const) {
        const key = `${merchant}/${currency}/${account}`;
        const sums = balances.get(key) ?? { debits: 0n, credits: 0n };
        sums.debits += debit;
        sums.credits += credit;
        balances.set(key, sums);
      }
    }
    booked.set(name, postings.length);
  }

  function checkBooks(): void {
    const byCurrency = new Map<string, bigint>();
    for (const [key, account] of tables.accounts) {
      const own = balances.get(key);
      if (own === undefined || own.debits !== account.debits || own.credits !== account.credits) {
        fail(
          "books balance",
          `${key} says ${account.debits}/${account.credits}, its postings ${own?.debits}/${own?.credits}`,
        );
      }
      const place = `${account.merchantId}/${account.currency}`;
      byCurrency.set(place, (byCurrency.get(place) ?? 0n) + account.debits - account.credits);
    }
    for (const key of balances.keys()) if (!tables.accounts.has(key)) fail("books balance", `${key} has no account`);
    for (const [place, difference] of byCurrency) {
      if (difference !== 0n) fail("books balance", `${place} is off by ${difference}`);
    }
  }

  const keysOf = (orderId: string): readonly (readonly [string, KeyMemory])[] =>
    [...keys].filter(([key]) => key.startsWith(orderId));
  const orderOf = (key: string): string => key.split(".")[0] ?? "";
  const findOrder = (orderId: string): { name: string; row: OrderRow } | null => {
    for (const merchant of [1, 2]) {
      const row = tables.orders.get(`${merchant}/${orderId}`);
      if (row !== undefined) return { name: `${merchant}/${orderId}`, row };
    }
    return null;
  };

  const psp: PspWatcher = {
    onCall({ account, kind, key, body }) {
      calls += 1;
      const orderId = orderOf(key);
      const found = findOrder(orderId);
      if (found === null) {
        fail("intent first", `the PSP was called (${kind}) for an order that is not in the database`, orderId);
        return;
      }
      if (found.row.psp !== account) fail("one PSP", `sent to ${account}, opened for ${found.row.psp}`, orderId);
      const attempts = tables.attempts.get(found.name) ?? [];
      const own = attempts.filter(({ idempotencyKey }) => idempotencyKey === key);
      if (kind === "inquiry") {
        if (!own.some(({ operation }) => operation === "inquiry"))
          fail("intent first", "asked without an attempt", orderId);
        return;
      }
      const charges = own.filter(({ operation }) => operation === "charge");
      const [stored] = charges.flatMap(({ request }) => request ?? []);
      if (stored === undefined) fail("intent first", "charged without a stored request", orderId);
      else if (stored !== body) fail("same bytes", "what is sent is not what was stored", orderId);
      const memory = keys.get(key);
      if (memory === undefined) {
        checkEarlierOperations(key, orderId);
        keys.set(key, { body, doubtSinceMs: timeline.nowMs(), isDeclined: false });
        return;
      }
      world.probe("a charge is sent again under its key");
      if (memory.body !== body) fail("same bytes", "a resend differs", orderId);
      if (memory.isDeclined) fail("new key after proof", "sent again under a key that was declined", orderId);
      if (memory.doubtSinceMs !== null) {
        fail("proof before resend", `in doubt since ${timeline.nowMs() - memory.doubtSinceMs} ms`, orderId);
      }
      memory.doubtSinceMs = timeline.nowMs();
    },

    onAnswer({ key, kind, exchange, life }) {
      const heard = receipts.get(life) ?? new Map<string, number>();
      receipts.set(life, heard.set(orderOf(key), (heard.get(orderOf(key)) ?? 0) + 1));
      const memory = keys.get(key);
      if (memory === undefined) return;
      const text = exchange.kind === "answered" ? Buffer.from(exchange.body).toString() : "";
      const isRefused = exchange.kind === "not_sent" || (exchange.kind === "answered" && exchange.status === 429);
      if (kind === "charge") {
        if (isRefused) memory.doubtSinceMs = null;
        if (exchange.kind === "answered" && exchange.status === 200 && text.includes('"status":"declined"')) {
          memory.isDeclined = true;
          memory.doubtSinceMs = null;
        }
        return;
      }
      if (exchange.kind !== "answered") return;
      if (exchange.status === 404 && memory.doubtSinceMs !== null) {
        const toleranceMs = options.clockErrorMs();
        // The question left a little before its answer.
        if (timeline.nowMs() - memory.doubtSinceMs >= SETTLE_MS - toleranceMs) {
          memory.doubtSinceMs = null;
          world.probe("a lost charge is proven absent");
        } else {
          world.probe("not found before the settle time");
        }
      }
      if (exchange.status === 200 && text.includes('"status":"declined"')) {
        memory.isDeclined = true;
        memory.doubtSinceMs = null;
      }
    },

    onEffect(charge) {
      const name = findOrder(charge.orderId)?.name;
      if (name === undefined) fail("intent first", `effect ${charge.reference} of an unknown order`, charge.orderId);
      effects.set(charge.reference, charge);
      const own = [...effects.values()].filter(({ orderId }) => orderId === charge.orderId);
      // A success that the PSP makes of a decline by itself was not asked for.
      const asked = own.filter(({ token }) => token !== "sim_late_success");
      if (asked.length > 1)
        fail("one effect", `${asked.map(({ key }) => key.slice(-8)).join(" and ")} took effect`, charge.orderId);
    },
  };

  function checkEarlierOperations(key: string, orderId: string): void {
    const operation = Number(key.split(".").at(-1));
    const before = key.replace(/\d+$/, String(operation - 1));
    const memory = keys.get(before);
    if (operation === 1) return;
    world.probe("a new operation follows a decline");
    if (memory === undefined || !(memory.isDeclined || options.findCharge(before)?.status === "declined")) {
      fail("new key after proof", `operation ${operation} is sent and the one before is not declined`, orderId);
    }
  }

  return {
    psp,
    effects,
    onCommit(touched) {
      for (const name of touched) checkOrder(name);
    },
    setForeign(order, isForeign) {
      const memory = orders.get(order);
      if (memory !== undefined) memory.isForeign = isForeign;
    },
    checkBooks,
    calls: () => calls,
    receiptsOf: (life) => receipts.get(life) ?? new Map(),
  };
}
