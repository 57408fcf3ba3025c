/**
 * An open order of a PSP that is not configured would wait for ever: nobody here can ask about it, send it or read its
 * webhooks. Whoever takes a PSP out of the configuration hears of such orders at the start, not from their buyers.
 */
import type { Statements } from "../db/access.ts";
import type { ActorKind } from "./actor.ts";

/** Throws an `Error` that lists the PSPs with their orders and says what to do. */
export async function refuseUnservedPsps(
  statements: Pick<Statements, "countUnservedOrders">,
  kind: ActorKind,
  psps: readonly string[],
): Promise<void> {
  const rows = await statements.countUnservedOrders(kind, psps);
  if (rows.length === 0) return;
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  const list = rows.map(({ psp, count }) => `${psp} (${count})`).sort();
  throw new Error(
    `${total} open orders belong to PSPs that are not configured: ${list.join(", ")}. Configured are: ${psps.join(", ")}. ` +
      "Configure those PSPs again and let their orders end, or resolve them, before you take a PSP away.",
  );
}
