/**
 * Judges every commit while a run goes on. It looks at the database's rows from outside and keeps its own memory of them; the
 * engine's word counts for nothing here. What goes to the PSPs is judged in `judge-calls.ts`.
 */
import { isDeepStrictEqual } from "node:util";
import { type SnapshotFrom, transition } from "xstate";
import { paymentOrderMachine } from "../../machines/payment-order.ts";
import { newPaymentOrderContext } from "../../machines/payment-order-context.ts";
import type { PaymentOrderContext, PaymentOrderEvent } from "../../machines/payment-order-types.ts";
import type { Invariant } from "./invariants.ts";
import type { CallJudge } from "./judge-calls.ts";
import { EPOCH_MS } from "./life.ts";
import type { ModelDatabase, OrderRow, PostingRow, TransitionRow } from "./model-contract.ts";
import type { World } from "./world.ts";

interface OrderMemory {
  /** Transitions that were replayed. */
  replayed: number;
  snapshot: SnapshotFrom<typeof paymentOrderMachine>;
  token: number;
  owner: string | null;
  version: number;
  lastState: string;
  isForeign: boolean;
}

interface Stored {
  readonly value?: unknown;
  readonly context?: PaymentOrderContext;
}

export interface Judge {
  /** What is sent to the PSPs. */
  readonly calls: CallJudge;
  onCommit(orders: ReadonlySet<string>): void;
  /** Orders were adopted, reclaimed, given up or set aside. */
  onTaken(): void;
  /** The order's rows are a newer build's from now on, or ours again. */
  setForeign(order: string, isForeign: boolean): void;
  /** Sums all books from the postings. */
  checkBooks(): void;
}

const sumOf = (lines: readonly PostingRow[]): bigint => lines.reduce((total, { amount }) => total + amount, 0n);

export function createJudge(world: World, model: ModelDatabase, calls: CallJudge): Judge {
  const { tables } = model;
  const { timeline } = world;
  const orders = new Map<string, OrderMemory>();
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
      owner: null,
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
    for (const step of (tables.transitions.get(name) ?? []).slice(memory.replayed)) {
      if (memory.owner !== null && step.node !== memory.owner) {
        fail("token decides", `${step.node} wrote step ${step.seq}, ${memory.owner} is the owner`, row.id);
      }
    }
    noteOwner(memory, row);
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

  /** Who takes an order from another raises its token; nobody lowers it. */
  function noteOwner(memory: OrderMemory, row: OrderRow): void {
    const { owner, fencingToken } = row;
    const isTaken = owner !== null && owner !== memory.owner && memory.version > 0;
    if (fencingToken < memory.token || (isTaken && fencingToken === memory.token)) {
      fail("token decides", `token ${fencingToken} of ${owner} after ${memory.token} of ${memory.owner}`, row.id);
    }
    if (memory.isForeign && owner !== null) fail("foreign version", "somebody took it", row.id);
    memory.owner = owner;
    memory.token = fencingToken;
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
        calls.checkEnd(row.id);
      if (event.type === "order.resolve") checkResolution(memory, row, event);
      const [next] = transition(paymentOrderMachine, memory.snapshot, event);
      checkKnownMoney(memory.snapshot.context, next.context, row);
      memory.snapshot = next;
      memory.replayed += 1;
      memory.lastState = step.toState;
      const reached = typeof next.value === "string" ? next.value : `EXECUTING.${next.value.EXECUTING}`;
      if (reached !== step.toState)
        fail("snapshot is replay", `${event.type} leads to ${reached}, not ${step.toState}`, row.id);
      world.probe(`edge ${step.fromState} → ${step.toState} on ${event.type}`);
    }
  }

  function checkKnownMoney(before: PaymentOrderContext, after: PaymentOrderContext, row: OrderRow): void {
    if (after.sends > before.sends && (before.held !== null || before.late.length > 0))
      fail("known money", `sent again beside ${JSON.stringify(before.held ?? before.late)}`, row.id);
    if (after.parked?.reason === "charged_before" && before.parked === null)
      world.probe("a charge is not sent again because an earlier one was paid after all");
  }

  /** What an operator may decide: to book what is held, or no more than was asked for; to give up what nobody holds. */
  function checkResolution(
    { snapshot: { context } }: OrderMemory,
    row: OrderRow,
    { outcome, amount }: Extract<PaymentOrderEvent, { type: "order.resolve" }>,
  ): void {
    const { held } = context;
    if (outcome === "failed") {
      if (held !== null) fail("ended by proof", `given up, and the PSP holds ${held.amount} ${held.currency}`, row.id);
      return;
    }
    const isRight =
      held === null ? BigInt(amount) <= row.amount : held.amount === amount && held.currency === row.currency;
    if (!isRight) fail("booked as asked", `an operator books ${amount} of ${held?.amount ?? row.amount}`, row.id);
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

  return {
    calls,
    onCommit(touched) {
      for (const name of touched) checkOrder(name);
      checkBooks();
    },
    onTaken() {
      for (const [name, memory] of orders) {
        const row = tables.orders.get(name);
        if (row !== undefined && (row.owner !== memory.owner || row.fencingToken !== memory.token)) {
          noteOwner(memory, row);
        }
      }
    },
    setForeign(order, isForeign) {
      const [memory, row] = [orders.get(order), tables.orders.get(order)];
      if (memory === undefined || row === undefined) return;
      memory.isForeign = isForeign;
      memory.token = row.fencingToken;
    },
    checkBooks,
  };
}
