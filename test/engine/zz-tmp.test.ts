import { test } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { aCheckout, anOrder, pay } from "../support/processor.ts";
import { startFlorinUnderTest } from "./florin-under-test.ts";

test("x", async () => {
  const florin = await startFlorinUnderTest();
  const node = await florin.openNode({ isProxied: true });
  const t0 = performance.now();
  const out: string[] = [];
  const answers = Array.from({ length: 60 }, async (_, index) => {
    await sleep(index * 10);
    const s = performance.now();
    return pay(node, aCheckout("pm_card_visa", { orders: [anOrder({ paymentOrderId: `o${index}` })] })).then(
      () => {
        const d = performance.now() - s;
        if (d > 1500) out.push(`${index} slow ${Math.round(d)}`);
      },
      (e) => {
        out.push(`${index} ${Math.round(performance.now() - s)} ${e.code} ${e.message.slice(0, 60)}`);
      },
    );
  });
  await sleep(200);
  node.isolate();
  await sleep(1000);
  node.heal();
  console.log("healed", performance.now() - t0);
  await Promise.all(answers);
  console.log(out.slice(0, 8), out.length);
  for (const l of node.logged as any[])
    console.log(
      Math.round(l.time - Date.now() + performance.now() - t0),
      l.msg,
      l.err?.code ?? l.err?.message,
      l.items ?? "",
      l.runs ?? "",
    );
  await florin.closeNodes();
  await florin.close();
}, 60000);
