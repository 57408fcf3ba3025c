/** The body of `POST /v1/payments` as a `CheckoutRequest`: what a schema can't know, such as which digits an amount has. */
import { type FieldError, Refusal } from "../../core/errors.ts";
import { isCurrency } from "../../core/currencies.ts";
import { MAX_AMOUNT_MINOR, parseAmount } from "../../core/money.ts";
import type { BuyerInfo, CheckoutOrder, CheckoutRequest } from "../../payments/service.ts";
import { type PaymentRequestBody, paymentRequest } from "../schemas/payments.ts";
import { EXPECTED_CURRENCY, expectedAmount, readBody, toFieldRefusal } from "./field-errors.ts";

type OrderBody = PaymentRequestBody["payment_orders"][number];

export function readCheckout(body: unknown): CheckoutRequest {
  const request = readBody(paymentRequest, body);
  if (request.capture_method === "manual") {
    throw new Refusal(
      "not-supported",
      'Capture by hand does not exist yet; leave capture_method out or send "automatic".',
      {
        errors: [{ pointer: "/capture_method", code: "not-supported", detail: "Only automatic is supported." }],
      },
    );
  }
  const errors: FieldError[] = [];
  const orders = request.payment_orders.map((order, index) => readOrder(order, `/payment_orders/${index}`, errors));
  refuseRepeatedIds(request.payment_orders, errors);
  if (errors.length > 0) throw toFieldRefusal(errors);
  return {
    checkoutId: request.checkout_id ?? null,
    buyerInfo: request.buyer_info === undefined ? null : toBuyerInfo(request.buyer_info),
    paymentMethod:
      "token" in request.payment_method
        ? { kind: "token", token: request.payment_method.token }
        : { kind: "hosted_page" },
    orders,
    returnUrl: request.return_url ?? null,
    metadata: request.metadata ?? {},
  };
}

function toBuyerInfo({ id, email, name, country }: NonNullable<PaymentRequestBody["buyer_info"]>): BuyerInfo {
  return {
    ...(id === undefined ? {} : { id }),
    ...(email === undefined ? {} : { email }),
    ...(name === undefined ? {} : { name }),
    ...(country === undefined ? {} : { country }),
  };
}

function readOrder(order: OrderBody, pointer: string, errors: FieldError[]): CheckoutOrder {
  const { currency } = order;
  const isKnown = isCurrency(currency);
  if (!isKnown) errors.push({ pointer: `${pointer}/currency`, code: "invalid-currency", detail: EXPECTED_CURRENCY });
  const read = (field: "amount" | "platform_fee", text: string, minMinor: bigint): bigint =>
    isKnown ? readAmount({ pointer: `${pointer}/${field}`, text, currency, minMinor }, errors) : 0n;
  const amountMinor = read("amount", order.amount, 1n);
  const platformFeeMinor = order.platform_fee === undefined ? 0n : read("platform_fee", order.platform_fee, 0n);
  if (errors.length === 0 && platformFeeMinor > amountMinor) {
    const detail = "The fee may not be more than the order's amount.";
    errors.push({ pointer: `${pointer}/platform_fee`, code: "amount-out-of-range", detail });
  }
  return {
    paymentOrderId: order.payment_order_id ?? null,
    sellerAccount: order.seller_account,
    amountMinor,
    currency,
    platformFeeMinor,
    description: order.description ?? null,
    metadata: order.metadata ?? {},
  };
}

export interface AmountText {
  readonly pointer: string;
  readonly text: string;
  readonly currency: string;
  readonly minMinor: bigint;
}

/** 0 beside a pushed error where the text is no amount. */
export function readAmount({ pointer, text, currency, minMinor }: AmountText, errors: FieldError[]): bigint {
  const parsed = parseAmount(text, currency);
  if (parsed.kind === "amount" && parsed.minor >= minMinor) return parsed.minor;
  errors.push(
    parsed.kind === "malformed"
      ? { pointer, code: "invalid-amount", detail: expectedAmount(currency) }
      : {
          pointer,
          code: "amount-out-of-range",
          detail: `From ${minMinor} to ${MAX_AMOUNT_MINOR} minor units are taken.`,
        },
  );
  return 0n;
}

function refuseRepeatedIds(orders: readonly OrderBody[], errors: FieldError[]): void {
  const seen = new Set<string>();
  for (const [index, { payment_order_id: id }] of orders.entries()) {
    if (id === undefined) continue;
    if (seen.has(id)) {
      const detail = "Another order of this request has the same id.";
      errors.push({ pointer: `/payment_orders/${index}/payment_order_id`, code: "invalid-request", detail });
    }
    seen.add(id);
  }
}
