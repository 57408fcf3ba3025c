/** The guards and claims of `commit_steps`: which items are refused, and with which verdict. */
import { int4, int8, text, uuid } from "../casts.ts";
import { outOfRange } from "../errors.ts";
import { recordset, type RowOf } from "../recordset.ts";
import { joinKey, keyOf } from "../rows.ts";
import type { Store } from "../store.ts";

/** Items that are refused. A later verdict of the same item hides the earlier one. */
export type Refused = Map<number | null, string>;

const GUARD = {
  item: int4,
  merchant_id: int4,
  id: uuid,
  version: int4,
  token: int8,
  step_id: uuid,
};
const guards = recordset(GUARD);
const claims = recordset({
  item: int4,
  merchant_id: int4,
  key: text,
  checkout_id: text,
  payment_order_id: text,
  id: uuid,
  step_id: uuid,
});

type Guard = RowOf<typeof GUARD>;
const MAX_VERSION = 2 ** 31 - 1;

/** `NOT item = ANY (bad)`. */
export const isAccepted = (refused: Refused, item: number | null): boolean =>
  refused.size === 0 || (item !== null && !refused.has(item));

export function judgeGuards(store: Store, section: string, refused: Refused): void {
  const wanted = guards.read(section);
  const failing = wanted.filter((guard) => !holds(store, guard));
  if (failing.length === 0) return;
  const holding = new Set(
    wanted.filter((guard) => holds(store, guard)).map(({ item, id }) => joinKey(`${item}`, `${id}`)),
  );
  const failed = new Set(
    failing.filter(({ item, id }) => !holding.has(joinKey(`${item}`, `${id}`))).map(({ item }) => item),
  );
  for (const item of failed) {
    const own = wanted.filter((guard) => guard.item === item);
    refused.set(item, own.every((guard) => isOwnStep(store, guard)) ? "committed" : "fenced");
  }
}

function holds(store: Store, { merchant_id, id, version, token }: Guard): boolean {
  const order = store.orders.get(keyOf(merchant_id, id));
  return order !== undefined && order.version === version && token !== null && order.fencingToken === Number(token);
}

/** The step after the guarded version is this very one, or neither has an id. */
function isOwnStep(store: Store, { merchant_id, id, version, step_id }: Guard): boolean {
  if (version === MAX_VERSION) throw outOfRange("integer", version + 1);
  const step =
    version === null
      ? undefined
      : store.transitions.get(keyOf(merchant_id, id))?.find(({ seq }) => seq === version + 1);
  return (step?.stepId ?? null) === step_id;
}

export function judgeClaims(store: Store, section: string, refused: Refused): void {
  const rows = claims.read(section);
  const taken = new Map<number | null, { readonly rank: number; readonly verdict: string }>();
  const take = (item: number | null, rank: number, verdict: string): void => {
    if (rank < (taken.get(item)?.rank ?? Number.POSITIVE_INFINITY)) taken.set(item, { rank, verdict });
  };
  for (const { item, merchant_id, key, checkout_id, payment_order_id } of rows) {
    if (merchant_id === null) continue;
    if (key !== null && store.keys.has(`${merchant_id}/${key}`) && isAccepted(refused, item))
      take(item, 1, "duplicate");
    if (checkout_id !== null && store.checkouts.has(joinKey(merchant_id, checkout_id))) take(item, 2, "checkout");
    if (payment_order_id !== null && store.orderNames.has(joinKey(merchant_id, payment_order_id))) {
      take(item, 3, "order");
    }
  }
  for (const [item, { verdict }] of taken) {
    const isOwn = rows.some((row) => row.item === item && item !== null && isOwnCreation(store, row));
    refused.set(item, isOwn ? "committed" : verdict);
  }
}

function isOwnCreation(
  store: Store,
  row: { readonly merchant_id: number | null; readonly id: string | null; readonly step_id: string | null },
): boolean {
  if (row.step_id === null) return false;
  const first = store.transitions.get(keyOf(row.merchant_id, row.id))?.find(({ seq }) => seq === 1);
  return first?.stepId === row.step_id;
}
