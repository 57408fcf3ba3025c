/** The orders of the last day that have ended, while the node is still counting them. */
import { expect, test } from "vitest";
import { createEndedCounts } from "../../src/console/server/ended-counts.ts";
import { systemPorts } from "../../src/core/ports.ts";

test("a day that is not counted yet is never shown as a day without orders", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let readings = 0;
  const readEnded = createEndedCounts(
    {
      // The first statement is answered at once, the others when they are released.
      async countCreated(_merchantId, spans) {
        readings += 1;
        if (readings > 1) await released;
        return spans.map(() => ({ succeeded: 3, failed: 1, open: 0 }));
      },
    },
    systemPorts,
    1,
  );

  const early = await readEnded();
  expect(early).toMatchObject({ isComplete: false });
  expect(early.succeeded).toBeGreaterThan(0);

  release();
  await expect.poll(readEnded).toMatchObject({ isComplete: true });
  const { succeeded, failed } = await readEnded();
  expect(succeeded).toBeGreaterThan(early.succeeded);
  expect(succeeded).toBe(failed * 3);
});
