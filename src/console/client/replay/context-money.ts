/** Where an order's memory holds money: minor units there, of the order's currency or of the money's own. */
import { formatAmount } from "../../../core/money.ts";

export interface ContextMoney {
  readonly amount: string;
  readonly currency: string;
}

const AMOUNTS = new Set(["amount", "platformFee", "captured"]);
const MINOR_UNITS = /^-?\d+$/;

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;

/** Of what lies at the path within the context, such as `held.amount` or `late`; null when it is no money. */
export function moneyAt(path: string, value: unknown, context: unknown): readonly ContextMoney[] | null {
  const names = path.split(".");
  const last = names.at(-1) ?? "";
  const around = names.slice(0, -1).reduce(memberOf, context);
  if (Array.isArray(value)) {
    const all = value.map((one: unknown) => toMoney(memberOf(one, "amount"), memberOf(one, "currency")));
    const known = all.filter((one) => one !== null);
    return known.length > 0 && known.length === all.length ? known : null;
  }
  if (!AMOUNTS.has(last)) return null;
  const money = toMoney(value, memberOf(around, "currency") ?? memberOf(context, "currency"));
  return money === null ? null : [money];
}

function toMoney(minor: unknown, currency: unknown): ContextMoney | null {
  if (typeof minor !== "string" || typeof currency !== "string" || !MINOR_UNITS.test(minor)) return null;
  return { amount: formatAmount(BigInt(minor), currency), currency };
}
