/** What the tail gives to whom, while its questions are on their way. */
import { expect, test } from "vitest";
import { systemPorts } from "../../src/core/ports.ts";
import type { PositionedEvent, ReadingPlace } from "../../src/db/statements/events.ts";
import { createLiveTail } from "../../src/events/live-tail.ts";
import { MERCHANT } from "./events-under-test.ts";

const toEvent = (position: number): PositionedEvent => ({
  merchantId: MERCHANT,
  id: `event ${position}`,
  type: "payment_order.created",
  orderVersion: 1,
  createdAt: new Date(0),
  data: "{}",
  buyerInfo: null,
  position,
});

/** A tail whose questions wait until the test lets them be answered, one after the other. */
function openTail(lastPosition: number) {
  const waiting: (() => void)[] = [];
  const readNextEvents = async (places: readonly ReadingPlace[]): Promise<readonly PositionedEvent[]> => {
    // As a snapshot of the database: what is asked for is known when the question goes out.
    const found = places.flatMap(({ after }) =>
      Array.from({ length: Math.max(0, lastPosition - after) }, (_, index) => toEvent(after + 1 + index)),
    );
    await new Promise<void>((resolve) => waiting.push(resolve));
    return found;
  };
  const ports = { ...systemPorts, timers: { ...systemPorts.timers, every: () => () => {} } };
  const tail = createLiveTail({ statements: { readNextEvents }, ports, log: { warn: () => {} } });
  const untilAsked = () => expect.poll(() => waiting.length).toBe(1);
  return {
    tail,
    untilAsked,
    async answer() {
      await untilAsked();
      waiting.shift()?.();
    },
  };
}

test("a listener that joins at an earlier place while a question is out, after the others have left, misses nothing", async () => {
  const { tail, untilAsked, answer } = openTail(12);
  const leave = tail.join(MERCHANT, 10, () => {});
  await untilAsked();
  leave?.();
  const got: number[] = [];
  expect(tail.join(MERCHANT, 5, ({ position }) => got.push(position))).not.toBeNull();
  await answer();
  await answer();
  await expect.poll(() => got.length).toBeGreaterThan(0);
  expect(got).toEqual([6, 7, 8, 9, 10, 11, 12]);
  tail.stop();
});

test("a listener that joins where the tail stands gets what is found for the others, once", async () => {
  const { tail, untilAsked, answer } = openTail(12);
  const [first, second]: [number[], number[]] = [[], []];
  tail.join(MERCHANT, 10, ({ position }) => first.push(position));
  await untilAsked();
  tail.join(MERCHANT, 11, ({ position }) => second.push(position));
  await answer();
  await answer();
  await expect.poll(() => second).toEqual([12]);
  expect(first).toEqual([11, 12]);
  expect(tail.join(MERCHANT, 11, () => {})).toBeNull();
  tail.stop();
});
