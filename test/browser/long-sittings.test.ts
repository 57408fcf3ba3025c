/** A console that stays open: pages that are turned slowly, streams that break, ranges longer than one answer. */
import type { Page, Request, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConsoleUnderTest, settle, startConsole } from "./console-under-test.ts";
import { PROCESS_API_KEY } from "../support/florin-process.ts";
import { poll } from "./poll.ts";

let desk: ConsoleUnderTest;

beforeAll(async () => {
  desk = await startConsole();
  for (const id of ["turned-1", "turned-2", "turned-3"]) await desk.pay(id);
}, 600_000);

afterAll(() => desk[Symbol.asyncDispose]());

test("the pages of a span that ends now stay what they were, however slowly they are turned", async () => {
  await using visitor = await desk.visit();
  const { page } = visitor;
  // So that three payments fill three pages. The size of a page is no filter.
  await page.route("**/console/api/v1/payments?*", (route) =>
    route.continue({ url: route.request().url().replace("limit=50", "limit=1") }),
  );
  const turn = async (to: string): Promise<void> => {
    await page.getByRole("link", { name: to, exact: true }).click();
    await settle(page);
  };
  const letMinutesPass = async (): Promise<void> => {
    await page.clock.setFixedTime(((await page.evaluate("Date.now()")) as number) + 150_000);
    await page.reload();
    await settle(page);
  };
  await visitor.open("/payments?span=1h");
  await page.getByRole("link", { name: "turned-3" }).waitFor();
  await turn("Next");
  await page.getByRole("link", { name: "turned-2" }).waitFor();
  await letMinutesPass();
  await page.getByRole("link", { name: "turned-2" }).waitFor();
  expect(await page.getByLabel("Created").inputValue()).toBe("1h");
  await turn("Next");
  await page.getByRole("link", { name: "turned-1" }).waitFor();
  await letMinutesPass();
  await page.getByRole("link", { name: "turned-1" }).waitFor();
  // The newest page, and another filter, begin with the present again.
  await turn("Newest");
  await page.getByRole("link", { name: "turned-3" }).waitFor();
  expect(new URL(page.url()).search).toBe("?span=1h");
  await turn("Next");
  await page.getByLabel("Created").selectOption("24h");
  await page.getByRole("link", { name: "turned-3" }).waitFor();
  expect(new URL(page.url()).search).toBe("?span=24h");
  expect(visitor.complaints).toEqual([]);
});

describe("a stream that was refused", () => {
  const STREAMS = [
    { name: "the overview's", path: "", stream: "**/console/api/live" },
    { name: "the events'", path: "/events", stream: "**/console/api/v1/events/stream" },
  ] as const;

  const isLive = (page: Page) => page.getByText("Live", { exact: true });

  test.each(STREAMS)("is asked for again until it is there: $name", async ({ path, stream }) => {
    await using visitor = await desk.visit();
    const { page } = visitor;
    let refusals = 0;
    await page.route(stream, (route) => {
      refusals += 1;
      return route.fulfill({ status: refusals === 1 ? 502 : 503, body: "" });
    });
    await visitor.open(path);
    await poll(() => refusals >= 2);
    expect(await isLive(page).count()).toBe(0);
    await page.unroute(stream);
    await isLive(page).waitFor();
  });

  test("is not asked for by a page that somebody left, nor by one that nobody sees", async () => {
    await using visitor = await desk.visit();
    const { page } = visitor;
    const asked: string[] = [];
    page.on("request", (request: Request) => {
      if (/\/live$|\/events\/stream$/.test(request.url())) asked.push(new URL(request.url()).pathname);
    });
    await page.clock.install();
    await page.route("**/console/api/v1/events/stream", (route) => route.fulfill({ status: 503, body: "" }));
    await page.route("**/console/api/live", (route) => route.fulfill({ status: 503, body: "" }));
    const refused = page.waitForResponse("**/console/api/v1/events/stream");
    await visitor.open("/events");
    await refused;
    const again = page.waitForResponse("**/console/api/v1/events/stream");
    await page.clock.runFor(5_000);
    await again;
    await visitor.follow("/audit");
    asked.length = 0;
    await page.clock.runFor(120_000);
    await poll(() => asked.includes("/console/api/live"));
    expect(asked).not.toContain("/console/api/v1/events/stream");
    await page.evaluate(() => {
      Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    asked.length = 0;
    await page.clock.runFor(120_000);
    expect(asked).toEqual([]);
  });
});

describe("a range that is longer than one answer", () => {
  const MAX_REDELIVERED = 10_000;

  interface Asked {
    readonly status?: string;
    readonly cursor?: string;
  }

  /** The dialog of a new endpoint, before a server that answers as `answers` says of the first, second … call. */
  async function openRange(page: Page, answers: (call: number) => Promise<object> | object) {
    const added = await page.request.post("/v1/webhook_endpoints", {
      headers: { authorization: `Bearer ${PROCESS_API_KEY}` },
      data: { url: desk.shopUrl, events: ["payment_event.done"] },
    });
    const { endpoint_id: id } = (await added.json()) as { endpoint_id: string };
    const asked: Asked[] = [];
    await page.route("**/redeliver", async (route: Route) => {
      asked.push(route.request().postDataJSON() as Asked);
      const answer = await answers(asked.length);
      await route.fulfill({ status: "code" in answer ? 503 : 200, json: answer });
    });
    await page.goto(`/console/webhooks/${id}`);
    await settle(page);
    await page.getByRole("button", { name: "Redeliver a span…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Which").selectOption("delivered");
    return { dialog, asked };
  }

  const toAnswer = (redelivered: number, cursor: string | null) => ({
    redelivered,
    has_more: redelivered === MAX_REDELIVERED,
    next_cursor: cursor,
  });

  test("is sent again to its end, each part once, and the sum is told", async () => {
    await using visitor = await desk.visit();
    const { page } = visitor;
    const { dialog, asked } = await openRange(page, (call) =>
      call <= 2 ? toAnswer(MAX_REDELIVERED, `after-${call}`) : toAnswer(7, null),
    );
    await dialog.getByRole("button", { name: "Redeliver" }).click();
    await page.getByText("20,007 events are sent again.").waitFor();
    await dialog.waitFor({ state: "detached" });
    expect(asked.map(({ status, cursor }) => [status, cursor])).toEqual([
      ["delivered", undefined],
      ["delivered", "after-1"],
      ["delivered", "after-2"],
    ]);
    expect(visitor.complaints).toEqual([]);
  });

  test("is stopped by whoever began it, and goes on where it stopped", async () => {
    await using visitor = await desk.visit();
    const { page } = visitor;
    const gate = Promise.withResolvers<void>();
    const { dialog, asked } = await openRange(page, async (call) => {
      if (call === 2) await gate.promise;
      return call <= 2 ? toAnswer(MAX_REDELIVERED, `after-${call}`) : toAnswer(7, null);
    });
    await dialog.getByRole("button", { name: "Redeliver" }).click();
    await dialog.getByRole("status").getByText("10,000 events are sent again so far").waitFor();
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Stopping…" }).waitFor();
    gate.resolve();
    await dialog.getByText("20,000 events are sent again. There are more").waitFor();
    expect(asked.length).toBe(2);
    await dialog.getByRole("button", { name: "Go on" }).click();
    await page.getByText("20,007 events are sent again.").waitFor();
    expect(asked.at(-1)?.cursor).toBe("after-2");
    expect(asked.length).toBe(3);
  });

  test("goes no further when its dialog is left, and what was sent until then is told", async () => {
    await using visitor = await desk.visit();
    const { page } = visitor;
    const gate = Promise.withResolvers<void>();
    const { dialog, asked } = await openRange(page, async (call) => {
      if (call === 2) await gate.promise;
      return toAnswer(MAX_REDELIVERED, `after-${call}`);
    });
    await dialog.getByRole("button", { name: "Redeliver" }).click();
    await dialog.getByText("10,000 events are sent again so far").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    gate.resolve();
    await page.getByText("20,000 events are sent again. There are more").waitFor();
    expect(asked.length).toBe(2);
  });

  test("goes on where it failed, and from its beginning when it is another one", async () => {
    await using visitor = await desk.visit();
    const { page } = visitor;
    const busy = { title: "Florin is busy", detail: "Try again in a moment.", code: "temporarily-unavailable" };
    const { dialog, asked } = await openRange(page, (call) =>
      call === 1 ? toAnswer(MAX_REDELIVERED, "after-1") : call <= 3 ? busy : toAnswer(3, null),
    );
    await dialog.getByRole("button", { name: "Redeliver" }).click();
    await dialog.getByRole("alert").getByText("Florin is busy").waitFor();
    await dialog.getByText("10,000 events are sent again. There are more").waitFor();
    await dialog.getByRole("button", { name: "Go on" }).click();
    await poll(() => asked.length === 3);
    await dialog.getByRole("alert").getByText("Florin is busy").waitFor();
    await dialog.getByLabel("Which").selectOption("parked");
    await dialog.getByRole("button", { name: "Redeliver" }).click();
    await page.getByText("3 events are sent again.").waitFor();
    expect(asked.map(({ status, cursor }) => [status, cursor])).toEqual([
      ["delivered", undefined],
      ["delivered", "after-1"],
      ["delivered", "after-1"],
      ["parked", undefined],
    ]);
  });
});
