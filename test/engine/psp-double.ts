/** A PSP in the test's own hands: it keeps its truth as effects, and a test decides what each call answers, and when. */
import { createHash } from "node:crypto";
import type { PspEffect } from "../../scripts/integrity.ts";
import type { InquiryOutcome, Outcome } from "../../src/core/outcomes.ts";
import type { Answer, ChargeCall, Connector, ConnectorLimits } from "../../src/psp/connector.ts";

export interface DoubleCall {
  readonly kind: "charge" | "inquiry";
  readonly key: string;
  readonly body: string;
  readonly orderId: string;
}

/** `make` does the charge (once for each key) and gives the answer that says so. */
export type ChargeScript = (call: DoubleCall, make: () => Outcome) => Outcome | Promise<Outcome>;
export type InquiryScript = (call: DoubleCall, truth: () => InquiryOutcome) => InquiryOutcome | Promise<InquiryOutcome>;

export interface PspDouble extends Connector {
  readonly effects: readonly PspEffect[];
  readonly calls: readonly DoubleCall[];
  /** What charges answer from now on. At first: they succeed. */
  onCharge: ChargeScript;
  /** What inquiries answer from now on. At first: the truth. */
  onInquiry: InquiryScript;
  /** Back to the first scripts; calls are forgotten, effects stay. */
  reset(): void;
  callsOf(orderId: string): readonly DoubleCall[];
}

interface Body {
  readonly amount: string;
  readonly currency: string;
  readonly token: string;
  readonly order_id: string;
}

const succeed: ChargeScript = (_, make) => make();
const tellTruth: InquiryScript = (_, truth) => truth();
const NO_BYTES = new Uint8Array(0);

export const PENDING: Outcome = { kind: "pending", reference: null, nextAction: null };

export function createPspDouble(
  options: { readonly account?: string; readonly limits?: Partial<ConnectorLimits> } = {},
): PspDouble {
  const effects: PspEffect[] = [];
  let calls: DoubleCall[] = [];
  const effectByKey = new Map<string, PspEffect>();
  const bodies = new Map<string, Body>();

  const toSuccess = ({ id, amount, currency }: PspEffect): Outcome & InquiryOutcome => ({
    kind: "succeeded",
    reference: id,
    amountMinor: BigInt(amount),
    currency,
    captured: true,
  });

  function make(key: string): Outcome {
    const known = effectByKey.get(key);
    if (known !== undefined) return toSuccess(known);
    const body = bodies.get(key);
    if (body === undefined) throw new Error(`nothing was sent under ${key}`);
    const effect: PspEffect = {
      id: `ch_${createHash("sha1").update(key).digest("hex")}`,
      order_id: body.order_id,
      idempotency_key: key,
      amount: body.amount,
      currency: body.currency,
      status: "succeeded",
      at: new Date().toISOString(),
    };
    effects.push(effect);
    effectByKey.set(key, effect);
    return toSuccess(effect);
  }

  const answer = <O extends Outcome | InquiryOutcome>(outcome: O): Answer<O> => ({
    outcome,
    raw: { status: outcome.kind === "unknown" ? null : 200, body: NO_BYTES },
  });
  const orderOf = (key: string): string => key.split(".")[0] ?? "";

  const double: PspDouble = {
    account: options.account ?? "simulator",
    limits: { timeoutMs: 2_000, maxConcurrent: 100_000, settleTimeMs: 0, keyLifetimeMs: 86_400_000, ...options.limits },
    get effects() {
      return effects;
    },
    get calls() {
      return calls;
    },
    onCharge: succeed,
    onInquiry: tellTruth,
    reset() {
      double.onCharge = succeed;
      double.onInquiry = tellTruth;
      calls = [];
    },
    callsOf: (orderId) => calls.filter((call) => call.orderId === orderId),
    buildCharge: ({ amountMinor, currency, paymentMethodToken, orderId }) =>
      JSON.stringify({ amount: amountMinor.toString(), currency, token: paymentMethodToken, order_id: orderId }),
    async charge({ idempotencyKey: key, body }: ChargeCall) {
      const call: DoubleCall = { kind: "charge", key, body, orderId: orderOf(key) };
      calls.push(call);
      bodies.set(key, JSON.parse(body));
      return answer(await double.onCharge(call, () => make(key)));
    },
    async inquire({ idempotencyKey: key }) {
      const call: DoubleCall = { kind: "inquiry", key, body: "", orderId: orderOf(key) };
      calls.push(call);
      const effect = effectByKey.get(key);
      return answer(
        await double.onInquiry(call, () => (effect === undefined ? { kind: "not_found" } : toSuccess(effect))),
      );
    },
    readNotice: () => ({ kind: "forged", reason: "this PSP sends no notices" }),
    cardFormUrl: ({ returnUrl }) => returnUrl,
  };
  return double;
}
