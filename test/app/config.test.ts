/** The environment as it is read. */
import { expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { MAX_ORDERS } from "../../src/http/schemas/payments.ts";

test("a node has room for the largest checkout", () => {
  expect(readConfig({ MAX_LIVE_ACTORS: `${MAX_ORDERS}` }).maxLiveActors).toBe(MAX_ORDERS);
  expect(() => readConfig({ MAX_LIVE_ACTORS: `${MAX_ORDERS - 1}` })).toThrow(
    "MAX_LIVE_ACTORS must be a whole number from 100",
  );
});
