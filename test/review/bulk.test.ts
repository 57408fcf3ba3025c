import { afterAll, beforeAll, test } from "vitest";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { type FlorinUnderTest, startFlorinUnderTest } from "../engine/florin-under-test.ts";
let florin: FlorinUnderTest;
beforeAll(async () => { florin = await startFlorinUnderTest(); });
afterAll(() => florin.close());
test("R7 many big checkouts at once", async () => {
  const node = await florin.openNode();
  const meta = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`k${i}`, "x".repeat(40)]));
  const t = performance.now();
  const stat = setInterval(() => console.log(Math.round(performance.now() - t), "depth", node.journal.depth(), JSON.stringify(node.statistics.store.getSnapshot().context).slice(-200), node.logged.filter((l) => l.msg.includes("run again")).map((l) => `${l.items}:${l.err?.code}`).slice(-4).join(" ")), 3000);
  const all = Array.from({ length: 800 }, (_, n) => pay(node, aCheckout("pm_card_visa", { orders: Array.from({ length: 100 }, (_, i) => anOrder({ paymentOrderId: `o-${n}-${i}`, sellerAccount: `s${i}`, metadata: meta })) }), { waitMs: 0 }).then(() => "ok", (e) => e.code ?? e.message));
  const r = await Promise.all(all);
  console.log("R7 answered", Math.round(performance.now() - t), r.filter((x) => x === "ok").length, [...new Set(r)]);
  for (let i = 0; i < 60 && node.journal.depth() > 0; i += 1) await new Promise((x) => setTimeout(x, 1000));
  clearInterval(stat);
  console.log("R7 depth", node.journal.depth(), node.logged.filter((l) => l.msg.includes("run again")).map((l) => `${l.items}:${l.err?.code ?? l.err?.message}:${l.runs}`));
  await florin.closeNodes();
}, 120_000);
