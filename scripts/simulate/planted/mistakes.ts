/**
 * Planted mistakes: each is one wrong line that somebody could write, put into the source as it is loaded and nowhere else.
 * A simulation that does not find every one of them proves nothing. `test/simulation/simulate.test.ts` checks that each still
 * fits the source.
 */
import { CLIENT_MISTAKES } from "./client-mistakes.ts";

export interface Mistake {
  readonly name: string;
  /** What is done wrong, in words. */
  readonly what: string;
  /** Below the project's folder. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly right: string;
  readonly wrong: string;
}

const ENGINE = "src/engine/engine.ts";
const CHART = "machines/payment-order.ts";
const GUARDS = "machines/payment-order-setup.ts";
const STATE = "src/payments/payment-order-state.ts";

export const MISTAKES: readonly Mistake[] = [
  {
    name: "effect-before-commit",
    what: "the PSP is called before the intent is committed",
    file: ENGINE,
    right: "for (const name of names) creating.set(name, []);",
    wrong:
      "for (const name of names) creating.set(name, []); for (const { decision } of started) callsOut.send(decision.next.ref, decision.calls, claim);",
  },
  {
    name: "fenced-write-acted-on",
    what: "a step that the database refused counts as committed",
    file: ENGINE,
    right: 'case "fenced":\n        return true;',
    wrong: 'case "fenced":\n        break;',
  },
  {
    name: "adopted-and-forgotten",
    what: "an adopted order is not told that it was",
    file: ENGINE,
    right: "return deliver(ref, toFactLetter(adoptedNow()));",
    wrong: 'return { kind: "ignored", state: actor.state } as const;',
  },
  {
    name: "conflict-as-bug",
    what: "a PSP reference that another order has booked breaks the step",
    file: ENGINE,
    right: 'if (isReferenceTaken && event.type === "psp.succeeded") {',
    wrong: 'if (isReferenceTaken && event.type === "psp.succeeded" && !isReferenceTaken) {',
  },
  {
    name: "new-key-on-each-attempt",
    what: "each attempt gets an idempotency key of its own",
    file: STATE,
    right:
      '    idempotencyKey: toIdempotencyKey(terms.id, "charge", call.operation),\n    // Only the first send under a key makes the bytes',
    wrong:
      '    idempotencyKey: toIdempotencyKey(terms.id, "charge", call.attempt),\n    // Only the first send under a key makes the bytes',
  },
  {
    name: "bytes-made-anew",
    what: "the request is built again for a resend, with what is known then",
    file: "src/engine/calls.ts",
    right: "if (isCharge) body = call.request ?? (await deps.store.loadRequest(ref, call.operationNumber));",
    wrong:
      "if (isCharge) body = call.request ?? JSON.stringify([await deps.store.loadRequest(ref, call.operationNumber)]);",
  },
  {
    name: "timeout-as-decline",
    what: "a lost answer counts as a decline",
    file: "src/psp/simulator/classify.ts",
    right: 'if (exchange.kind === "lost") return unknown(exchange.reason);',
    wrong:
      'if (exchange.kind === "lost") return { kind: "declined", reference: null, code: "timeout", declineCode: null, message: "", retryable: false };',
  },
  {
    name: "timeout-as-unsent",
    what: "a lost answer counts as surely not sent",
    file: "src/psp/simulator/classify.ts",
    right: 'if (exchange.kind === "lost") return unknown(exchange.reason);',
    wrong: 'if (exchange.kind === "lost") return { kind: "unsent", reason: exchange.reason, retryAfterMs: null };',
  },
  {
    name: "webhook-answered-before-stored",
    what: "a webhook is acknowledged before its row is committed",
    file: "src/payments/webhooks.ts",
    right: "const isNew = await inbox.run(",
    wrong: "const isNew = true; void inbox.run(",
  },
  {
    name: "deduped-by-order",
    what: "webhooks are told apart by their order, not by their event",
    file: "src/payments/webhooks.ts",
    right: "inbox.run({ psp: pspAccount, eventId, type, actor, fact, body });",
    wrong: "inbox.run({ psp: pspAccount, eventId: subject?.orderId ?? eventId, type, actor, fact, body });",
  },
  {
    name: "forgery-believed",
    what: "a wrong signature is let through",
    file: "src/psp/standard-webhook.ts",
    right: "if (!matches) return",
    wrong: "if (!matches && secrets.length === 0) return",
  },
  {
    name: "ledger-outside-the-commit",
    what: "the postings are not part of the step's commit",
    file: "src/engine/item.ts",
    right: "for (const entry of decision.entries) item.entry(ref, seq, entry, at);",
    wrong: "void decision.entries;",
  },
  {
    name: "deadline-not-written",
    what: "the order's deadline is not part of the step's commit",
    file: "src/engine/item.ts",
    right: "    item.timer(ref, seq, next.timer);",
    wrong: "    void seq;",
  },
  {
    name: "event-not-written",
    what: "merchants' events are not part of the step's commit",
    file: "src/engine/item.ts",
    right: "for (const { type, orderVersion, data } of decision.announcements) {",
    wrong: "for (const { type, orderVersion, data } of decision.announcements.slice(1)) {",
  },
  {
    name: "mail-not-marked",
    what: "stored mail is taken and not marked as taken",
    file: "src/engine/step-item.ts",
    right: "if (letter.mail !== null) {",
    wrong: "if (letter.mail !== null && letter.isCommand) {",
  },
  {
    name: "receipt-dropped",
    what: "what the PSP answered is not stored",
    file: "src/engine/calls-out.ts",
    right: "mail: null, observation, toKeyRow: null }",
    wrong: "mail: null, observation: null && observation, toKeyRow: null }",
  },
  {
    name: "unknown-commit-as-failure",
    what: "a commit whose answer is lost counts as refused",
    file: "src/engine/journal.ts",
    right: 'if (code === null) return "rerun";',
    wrong: 'if (code === null) return "split";',
  },
  {
    name: "unknown-commit-as-success",
    what: "a commit whose answer is lost counts as done",
    file: "src/engine/journal.ts",
    right: "options.onTrouble?.({ error, items: batch.length, runs });",
    wrong: "if (codeOf(error) === null) { for (const { resolve } of batch) resolve(COMMITTED); return; }",
  },
  {
    name: "restored-at-the-beginning",
    what: "a stored snapshot is restored at the initial state",
    file: "src/payments/payment-order-snapshot.ts",
    right: "paymentOrderMachine.resolveState({ value, context })",
    wrong: 'paymentOrderMachine.resolveState({ value: value && "NOT_STARTED", context })',
  },
  {
    name: "late-success-dropped",
    what: "a success after we failed the order is ignored",
    file: GUARDS,
    right: "fact.captured && !isKnownLate(context, fact.reference),\n    /** The PSP says",
    wrong: 'fact.captured && !isKnownLate(context, fact.reference) && fact.amount === "",\n    /** The PSP says',
  },
  {
    name: "other-amount-accepted",
    what: "the PSP's amount is not compared with the order's",
    file: GUARDS,
    right: "isOtherAmount: ({ context }, money: HeldMoney) => money.amount !== context.amount,",
    wrong: 'isOtherAmount: ({ context }, money: HeldMoney) => money.amount === "" && context.amount === "",',
  },
  {
    name: "not-found-believed-at-once",
    what: "'not found' counts before the PSP's settle time has passed",
    file: GUARDS,
    right: ">= context.settleTimeMs;",
    wrong: ">= 0;",
  },
  {
    name: "adopted-and-sent-blind",
    what: "an order that was found with its call out is sent again without asking",
    file: CHART,
    right: '"order.adopted": { target: "resolving", actions: [{ type: "doubt", params: itself }, "resetAsks"] },',
    wrong: '"order.adopted": { target: "sending", reenter: true },',
  },
  {
    name: "retried-without-asking",
    what: "an operator's retry sends although an outcome is unknown",
    file: GUARDS,
    right: "      context.unknownSince !== null ||\n      context.keySince !== null ||",
    wrong: "      context.unknownSince === 0 ||\n      context.keySince === 0 ||",
  },
  {
    name: "charged-beside-late-money",
    what: "an order is tried again although its earlier charge was paid after all",
    file: GUARDS,
    right: "fact.retryable && context.late.length > 0,",
    wrong: "fact.retryable && context.late.length > 99,",
  },
  {
    name: "key-reused-after-decline",
    what: "a new operation goes out under the key of the declined one",
    file: GUARDS,
    right: "operation: context.operation + 1,",
    wrong: "operation: context.operation,",
  },
  {
    name: "canceled-while-unknown",
    what: "a cancel ends an order whose outcome is unknown",
    file: CHART,
    right: '"order.cancel": { actions: "requestCancel" },',
    wrong: '"order.cancel": { target: "#paymentOrder.FAILED", actions: { type: "recordEnd", params: CANCELED } },',
  },
  {
    name: "money-as-float",
    what: "an amount goes through floating point on its way to the books",
    file: STATE,
    right: "const amountMinor = BigInt(amount);",
    wrong: "const amountMinor = BigInt(Math.floor((Number(amount) * 0.07) / 0.07));",
  },
  {
    name: "every-order-counted-as-paid",
    what: "a payment event counts failed orders as succeeded",
    file: STATE,
    right: 'succeeded: status === "SUCCESS",',
    wrong: "succeeded: isTerminal,",
  },
  {
    name: "key-not-written",
    what: "the idempotency key is not part of the creating commit",
    file: "src/payments/create-payment.ts",
    right: "item.key({ ...call, subject: checkoutId, status: immediate === null ? null : 201, answer: immediate });",
    wrong: "void call.key;",
  },
  {
    name: "answer-not-stored",
    what: "an answer is sent without being stored first",
    file: "src/payments/create-payment.ts",
    right: "const stored = await keys.storeAnswer(call, { status: 201, body: represent(checkout.terms, states) });",
    wrong: "const stored = { status: 201, body: represent(checkout.terms, states) };",
  },
  {
    name: "claim-never-expires",
    what: "a process that was paused sends what it had decided before",
    file: "src/engine/ownership.ts",
    right: "sureUntilMs: (asked) => (asked === claim ? sureUntilMs : 0),",
    wrong: "sureUntilMs: (asked) => (asked > 0 ? Number.POSITIVE_INFINITY : 0),",
  },
  {
    name: "deadline-not-fired",
    what: "no poll that is due is ever fired",
    file: "src/engine/sweeper.ts",
    right: "        due.map(({ merchantId,",
    wrong: '        due.filter(({ name }) => name !== "poll").map(({ merchantId,',
  },
  {
    name: "webhook-refused-for-ever",
    what: "one type of webhook is answered 500 whenever it comes",
    file: "src/payments/webhooks.ts",
    right: "      const isNew = await inbox.run(",
    wrong: '      if (type === "charge.pending") throw new Error("broken");\n      const isNew = await inbox.run(',
  },
  {
    name: "answer-never-given",
    what: "whoever cancels is told to come back, for ever",
    file: "src/payments/command-order.ts",
    right: "    if (known !== null) return replay(call, known, ref);",
    wrong:
      '    if (known !== null) return replay(call, known, ref);\n    if (command.kind === "cancel") throw temporarilyUnavailable();',
  },
  {
    name: "fee-to-the-seller",
    what: "the platform's fee is paid to the seller",
    file: "src/ledger/posting-rules.ts",
    right: "const fee = platformFeeMinor < amountMinor ? platformFeeMinor : amountMinor;",
    wrong: "const fee = platformFeeMinor < 0n ? platformFeeMinor : 0n;",
  },
  {
    name: "another-sellers-wallet",
    what: "one seller's money goes to another's wallet",
    file: "src/ledger/posting-rules.ts",
    right: "...post(pspClearing(psp), sellerPayable(seller), currency, amountMinor - fee),",
    wrong: '...post(pspClearing(psp), sellerPayable(seller === "s1" ? "s2" : seller), currency, amountMinor - fee),',
  },
  {
    name: "failure-shown-as-success",
    what: "the shop is told that a failed order is paid",
    file: "src/payments/represent.ts",
    right: "    status: standing.status,",
    wrong: '    status: standing.status === "FAILED" ? "SUCCESS" : standing.status,',
  },
  {
    name: "receipt-without-bytes",
    what: "of what a PSP answered the bytes are not stored",
    file: "src/engine/calls.ts",
    right: 'bodyBase64: Buffer.from(answer.raw.body).toString("base64"),',
    wrong: 'bodyBase64: "",',
  },
  {
    name: "retry-after-ignored",
    what: "what a PSP asks to wait is not waited",
    file: GUARDS,
    right: "backoffMs(policyOf(context), context.budgetUsed, jitter, retryAfterMs)",
    wrong: "backoffMs(policyOf(context), context.budgetUsed, jitter, retryAfterMs && null)",
  },
  {
    name: "lapsed-claim-renewed",
    what: "a claim that had lapsed is taken for the one that came after",
    file: "src/engine/ownership.ts",
    right: "if (ports.clock.monotonicMs() >= lapsesAtMs) claim += 1;",
    wrong: "if (ports.clock.monotonicMs() < lapsesAtMs) claim += 0;",
  },
  {
    name: "claim-counted-from-the-answer",
    what: "a claim is counted from the heartbeat's answer, and nothing of it is kept back",
    file: "src/engine/ownership.ts",
    right: "sureUntilMs = startedMs + OWNERSHIP_MS - SEND_MARGIN_MS;",
    wrong: "sureUntilMs = ports.clock.monotonicMs() + OWNERSHIP_MS + SEND_MARGIN_MS;",
  },
  {
    name: "other-key-believed",
    what: "the answer to another key is taken for this one's",
    file: "src/psp/simulator/classify.ts",
    right: 'if (answer.idempotencyKey !== key) return unknown("answer_for_another_key");',
    wrong: 'if (answer.idempotencyKey === "") return unknown("answer_for_another_key");',
  },
  ...CLIENT_MISTAKES,
];
