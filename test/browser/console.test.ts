/** The console as people use it: an operator at night, a developer with a failed payment, somebody who may only look. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Overview } from "../../src/console/contract.ts";
import {
  type ConsoleUnderTest,
  DESK,
  findBarriers,
  PHONE,
  settle,
  startConsole,
  type Visitor,
} from "./console-under-test.ts";
import { PROCESS_API_KEY } from "../support/florin-process.ts";
import { poll } from "./poll.ts";

let desk: ConsoleUnderTest;
let operator: Visitor;

beforeAll(async () => {
  desk = await startConsole();
  operator = await desk.visit();
  // A machine without Chromium first installs it.
}, 600_000);

afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await desk[Symbol.asyncDispose]();
});

describe("signing in", () => {
  test("with a wrong key says what to do, and does not tell the key", async () => {
    await using visitor = await desk.visit({ role: "nobody" });
    const { page } = visitor;
    await page.getByLabel("API key").fill("sk_test_not-a-key-0123456789");
    await page.getByRole("button", { name: "Sign in" }).click();
    const problem = page.getByRole("alert");
    await problem.waitFor();
    expect(await problem.innerText()).not.toContain("not-a-key");
  });

  test("leads to the page that was asked for, and signing out leads away from it", async () => {
    await using visitor = await desk.visit({ role: "nobody" });
    const { page } = visitor;
    await page.goto("/console/ledger");
    await page.getByLabel("API key").waitFor();
    await page.getByLabel("API key").fill(PROCESS_API_KEY);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Ledger" }).waitFor();
    // What is still on its way when the session ends is refused, and a browser complains of that.
    await settle(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API key").waitFor();
    await page.goto("/console/ledger");
    await page.getByLabel("API key").waitFor();
    expect(visitor.complaints).toEqual([]);
  });
});

describe("a payment", () => {
  test("that is made by HTTP appears by itself, and opens with its story", async () => {
    const { page } = operator;
    await operator.open("/payments");
    await desk.pay("seen-live");
    await page.getByRole("link", { name: "seen-live" }).click();
    await page.getByRole("heading", { level: 1, name: "seen-live" }).waitFor();
    await page.getByText("The payment of 10.00 USD to s1 succeeded").waitFor();
    await page.getByRole("group", { name: "It is in SUCCESS." }).waitFor();
    // The books as T-accounts, the call as a bar, the events.
    await page.getByRole("table", { name: "seller:s1:payable" }).getByText("9.70").waitFor();
    await page.getByText("charge.succeeded").first().waitFor();
    await page.getByText("payment_order.succeeded").first().waitFor();
  });

  test("is counted on the overview while somebody looks", async () => {
    await using visitor = await desk.visit();
    const row = visitor.page.getByRole("table", { name: "How many orders are in each state" }).getByRole("row", {
      name: /Succeeded/,
    });
    await row.waitFor();
    const countOf = async (): Promise<number> =>
      Number(/\d+/.exec((await row.innerText()).replace(/\D*?(?=\d)/, ""))?.[0]);
    const before = await countOf();
    await desk.pay("counted-live");
    await poll(async () => (await countOf()) > before);
    expect(visitor.complaints).toEqual([]);
  });

  test("is found by its PSP reference", async () => {
    const { page } = operator;
    await desk.pay("by-reference");
    await operator.open("/payments/by-reference");
    await page.getByText("succeeded: 10.00 USD").waitFor();
    const reference = await page.locator("dd code", { hasText: /^ch_/ }).first().innerText();
    await operator.open("");
    await page.keyboard.press("/");
    await page.keyboard.type(reference);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "by-reference" }).waitFor();
  });

  test("is travelled through by keyboard, and each step shows what changed and why the rest could not happen", async () => {
    const { page } = operator;
    await desk.pay("travelled", "sim_timeout_charged");
    await operator.open("/payments/travelled");
    await page.getByText("succeeded: 10.00 USD").waitFor();
    const slider = page.getByRole("slider");
    const last = Number(await slider.getAttribute("max"));
    expect(last).toBeGreaterThanOrEqual(3);
    await slider.focus();
    await page.keyboard.press("Home");
    await page.getByRole("group", { name: "It is in NOT_STARTED." }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("group", { name: "It is in sending." }).waitFor();
    await page.getByText("Send the charge to the PSP").first().waitFor();
    await page.getByRole("table", { name: "What this step changed" }).getByText("keySince").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("group", { name: "It is in resolving." }).waitFor();
    expect(new URL(page.url()).searchParams.get("step")).toBe("2");
    await page.getByText(/Why not/).click();
    await page
      .getByRole("row", { name: /The operator retries/ })
      .getByText("does not listen to it")
      .waitFor();
    await page.getByRole("button", { name: "Latest" }).click();
    await page.getByRole("group", { name: "It is in SUCCESS." }).waitFor();
    expect(await page.getByText("By replaying, the machine comes to").count()).toBe(0);
  });

  test("has its chart and its path before the machine that replays it has arrived", async () => {
    await using visitor = await desk.visit();
    const { page } = visitor;
    await page.route(/\/assets\/replay-/, (route) => route.abort());
    await desk.pay("without-machine");
    await visitor.open("/payments/without-machine");
    await page.getByRole("group", { name: "It is in SUCCESS." }).waitFor();
    expect(await page.locator(".edge.is-taken, .edge.is-last").count()).toBeGreaterThan(0);
    await page.getByText("Fetching the machine").waitFor();
  });
});

describe("an operator", () => {
  test("tries a parked payment again, after a question that names the money", async () => {
    const { page } = operator;
    await desk.pay("parked-1", "sim_wrong_amount");
    await operator.open("/queues/parked");
    await page.getByRole("link", { name: "parked-1" }).click();
    await page.getByRole("button", { name: "Retry…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("10.00 USD").first().waitFor();
    // Escape leaves everything as it was, and gives the focus back.
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Retry…");
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Retry 10.00 USD" }).click();
    await page.getByText("The payment is being tried again.").waitFor();
    await operator.open("/audit");
    await page
      .getByRole("row", { name: /retry.*parked-1/ })
      .getByText("done (200)")
      .waitFor();
  });

  test("sees at a queued payment what the PSP holds of it, as its queue counts it", async () => {
    const { page } = operator;
    await desk.pay("held-1", "sim_wrong_amount");
    await operator.open("/queues/parked");
    const row = page.getByRole("table", { name: "Payments that are parked, newest first" }).getByRole("row", {
      name: /held-1/,
    });
    await row.getByText("10.01 USD").waitFor();
    expect(await row.getByText("10.00 USD").count()).toBe(0);
  });

  test("resolves a parked payment in two steps, of which the second repeats amount and consequence", async () => {
    const { page } = operator;
    await desk.pay("parked-2", "sim_wrong_amount");
    await operator.open("/payments/parked-2");
    await page.getByRole("button", { name: "Resolve…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Nothing was taken").check();
    await dialog.getByLabel("Reason, for the audit log").fill("The dashboard shows another amount.");
    await dialog.getByRole("button", { name: "Next: confirm" }).click();
    await dialog.getByText("ends failed").waitFor();
    await dialog.getByRole("button", { name: "Fail 10.00 USD" }).click();
    // The PSP is known to hold money, so this is refused, and nothing is lost of what was written.
    await dialog.getByRole("alert").waitFor();
    await dialog.getByRole("button", { name: "Back" }).click();
    await dialog.getByLabel("The money was taken").check();
    expect(await dialog.getByLabel("Amount in USD").inputValue()).toBe("10.01");
    await dialog.getByRole("button", { name: "Next: confirm" }).click();
    await dialog.getByText("The dashboard shows another amount.").waitFor();
    await dialog.getByText("the wallet of s1 grows by it").waitFor();
    await dialog.getByRole("button", { name: "Book 10.01 USD" }).click();
    await page.getByText("resolved: succeeded and booked").waitFor();
    await page.getByText("succeeded: 10.01 USD are captured and booked").waitFor();
    await operator.open("/audit");
    await page
      .getByRole("row", { name: /resolve.*parked-2/ })
      .getByText("refused (409)")
      .waitFor();
    await page
      .getByRole("row", { name: /resolve.*parked-2/ })
      .getByText("done (200)")
      .waitFor();
  });

  test("adds an endpoint, sees its secret once, and sends a webhook again", async () => {
    const { page } = operator;
    await operator.open("/webhooks");
    await page.getByRole("button", { name: "Add endpoint…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Address").fill(desk.shopUrl);
    await dialog.getByRole("button", { name: "Add endpoint" }).click();
    await dialog.getByText(/whsec_/).waitFor();
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    await desk.pay("told");
    await poll(() => desk.told.some(({ body }) => body.includes('"told"') && body.includes("succeeded")));
    await page.getByRole("link", { name: desk.shopUrl }).click();
    expect(await page.getByText(/whsec_/).count()).toBe(0);
    const again = page.getByRole("button", { name: /Redeliver payment_order.succeeded/ }).first();
    await again.click();
    const idsOf = (): readonly unknown[] => desk.told.map(({ headers }) => headers["webhook-id"]);
    // The same event under the same id, so that the receiver knows that it has had it.
    await poll(() => new Set(idsOf()).size < idsOf().length);
  });
});

test("an endpoint that takes nothing is said to fail, there and on the overview", async () => {
  await using visitor = await desk.visit();
  const { page } = visitor;
  // Nobody listens at port 1.
  const refusing = { url: "http://127.0.0.1:1/hooks", events: ["payment_order.created"] };
  const ask = (method: string, path: string, data?: unknown) =>
    page.request.fetch(`/v1/webhook_endpoints${path}`, {
      method,
      headers: { authorization: `Bearer ${PROCESS_API_KEY}` },
      ...(data === undefined ? {} : { data }),
    });
  const { endpoint_id: id } = (await (await ask("POST", "", refusing)).json()) as { endpoint_id: string };
  await desk.pay("nobody-is-told");
  await visitor.open("/webhooks");
  const row = page.getByRole("row", { name: /127\.0\.0\.1:1\/hooks/ });
  await row.getByText("failing").waitFor();
  await row.getByText(/since/).waitFor();
  await row.getByRole("link").click();
  await page.getByRole("definition").getByText("failing").waitFor();
  await visitor.open("");
  await page.getByRole("link", { name: /webhook endpoints? fails? every time/ }).waitFor();
  await ask("DELETE", `/${id}`);
  expect(visitor.complaints).toEqual([]);
});

test("a state of the fleet's chart is reached by keyboard and lists its orders", async () => {
  const { page } = operator;
  await desk.pay("parked-4", "sim_wrong_amount");
  await operator.open("/fleet");
  const parked = page.getByRole("group", { name: "State chart of all payment orders" }).getByRole("link", {
    name: /parked/,
  });
  await parked.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Payments" }).waitFor();
  await page.getByRole("link", { name: "parked-4" }).waitFor();
  expect(new URL(page.url()).search).toBe("?status=EXECUTING&phase=parked");
  expect(await page.getByLabel("State").inputValue()).toBe("EXECUTING.parked");
});

test("what the filters leave is saved as a file for a spreadsheet", async () => {
  const { page } = operator;
  await desk.pay("declined-1", "pm_card_chargeDeclinedInsufficientFunds");
  await poll(async () => {
    await operator.open("/payments?status=FAILED&seller_account=s1");
    return (await page.getByRole("link", { name: "declined-1" }).count()) > 0;
  });
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Export CSV" }).click(),
  ]);
  const lines = readFileSync(await download.path(), "utf8").split("\r\n");
  expect(lines[0]).toMatch(/^payment_order_id,checkout_id,seller_account,amount,currency,/);
  expect(lines.filter((line) => line.startsWith("declined-1,"))).toEqual([
    expect.stringMatching(/,s1,10\.00,USD,.*,card_declined,insufficient_funds$/),
  ]);
});

test("a reader sees everything and is offered nothing", async () => {
  await using reader = await desk.visit({ role: "reader" });
  const { page } = reader;
  await desk.pay("parked-3", "sim_wrong_amount");
  for (const path of ["/payments/parked-3", "/webhooks", "/payments", "/audit"]) {
    await reader.open(path);
    const names = await page.getByRole("button").allInnerTexts();
    expect(names.filter((name) => /Retry|Resolve|Cancel|Add endpoint|Redeliver|Delete|Disable/.test(name))).toEqual([]);
  }
  await reader.open("/payments/parked-3");
  await page.getByText("is parked because").waitFor();
  expect(reader.complaints).toEqual([]);
});

test("a reader's overview has no card and no table of what only the process knows", async () => {
  await using reader = await desk.visit({ role: "reader" });
  const { page } = reader;
  await reader.open("");
  await page.getByText("Payments a second", { exact: true }).waitFor();
  const shown = await page.getByRole("main").innerText();
  for (const hidden of ["steps a second", "PSP latency", "no call lately", "Commit batches", "Nodes", "PSPs"])
    expect(shown).not.toContain(hidden);
  await operator.open("");
  await operator.page.getByText("Commit batches a second", { exact: true }).waitFor();
  await desk.pay("moves-for-a-reader");
  await reader.open("/fleet");
  await page
    .getByRole("table", { name: /Orders a minute/ })
    .getByRole("row", { name: /created/ })
    .waitFor();
  expect(reader.complaints).toEqual([]);
});

const PLACES = [
  "",
  "/fleet",
  "/payments",
  "/payments?status=SUCCESS&span=24h",
  "/payments?q=s1",
  "/payments/seen-live",
  "/payments/parked-2",
  "/payments/travelled?step=2",
  "/queues/parked",
  "/queues/retrying",
  "/wallets",
  "/wallets/s1",
  "/ledger",
  "/ledger/platform%3Afees",
  "/webhooks",
  "/events",
  "/audit",
  "/charts",
  "/nowhere",
] as const;

describe.each([
  { name: "on a desk", size: DESK, colors: "light" },
  { name: "on a phone at night", size: PHONE, colors: "dark" },
] as const)("every page $name", ({ size, colors }) => {
  let visitor: Visitor;

  beforeAll(async () => {
    visitor = await desk.visit({ size, colors });
  });

  afterAll(() => visitor[Symbol.asyncDispose]());

  test.each(PLACES)("has no barrier, no complaint and nothing that does not fit: /console%s", async (path) => {
    const { page } = visitor;
    await visitor.follow(path);
    expect(await findBarriers(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    expect(visitor.complaints).toEqual([]);
  });
});

test.each(["light", "dark"] as const)(
  "on a phone's overview (%s) no table is wider than its box, whatever is at risk",
  async (colors) => {
    await using visitor = await desk.visit({ size: PHONE, colors });
    const { page } = visitor;
    await page.route("**/console/api/live", (route) => route.abort());
    await page.route("**/console/api/overview", async (route) => {
      const overview = (await (await route.fetch()).json()) as Overview;
      const money = [
        { currency: "USD", amount: "12345678.90" },
        { currency: "JPY", amount: "1234567890" },
      ];
      const psps = [
        { psp: "simulator", calls_per_second: 1_234.5, latency_ms: 1_234.5, in_flight: 256, is_open: true },
      ];
      const name = "ip-10-123-45-67.eu-central-1.compute.internal:12345";
      const nodes = overview.nodes?.map((node) => ({ ...node, name }));
      const queues = overview.queues.map((queue) => ({
        ...queue,
        count: 12_345,
        oldest_at: "2026-01-01T00:00:00.000Z",
        money_at_risk: money,
      }));
      await route.fulfill({ json: { ...overview, queues, psps, nodes } });
    });
    await visitor.open("");
    const queue = page.getByRole("table", { name: "What is not settled" }).getByRole("row", { name: /Parked/ });
    await queue.getByText("12,345,678.90 USD").filter({ visible: true }).waitFor();
    const tooWide = await page
      .locator(".table-scroll")
      .evaluateAll((boxes) =>
        boxes
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
          .map((box) => `${box.getAttribute("aria-label")}: ${box.scrollWidth} in ${box.clientWidth}`),
      );
    expect(tooWide).toEqual([]);
  },
);

test("somebody who moves by links lands on the new page's heading", async () => {
  const { page } = operator;
  await operator.open("");
  await page.getByRole("navigation", { name: "Places", exact: true }).getByRole("link", { name: "Ledger" }).click();
  await page.getByRole("heading", { level: 1, name: "Ledger" }).waitFor();
  await poll(async () => (await page.evaluate("document.activeElement.tagName")) === "H1");
});

test("what somebody was writing when the session ended is there again after the sign-in, and not after a sign-out", async () => {
  await using visitor = await desk.visit();
  const { page } = visitor;
  await desk.pay("half-written", "sim_wrong_amount");
  const openVerdict = async () => {
    await page.getByRole("button", { name: "Resolve…" }).click();
    return page.getByRole("dialog").getByLabel("Reason, for the audit log");
  };
  const signInAgain = async () => {
    await page.getByLabel("API key").fill(PROCESS_API_KEY);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  await visitor.open("/payments/half-written");
  await (await openVerdict()).fill("The dashboard shows");
  await page.context().clearCookies();
  await page.getByText("Your session has ended").waitFor();
  await signInAgain();
  const reason = await openVerdict();
  expect(await reason.inputValue()).toBe("The dashboard shows");
  await page.context().clearCookies();
  await page.getByText("Your session has ended").waitFor();
  await signInAgain();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signInAgain();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await visitor.follow("/payments/half-written");
  expect(await (await openVerdict()).inputValue()).toBe("");
});

test("a session that ended asks for the key and goes on where it was", async () => {
  await using visitor = await desk.visit();
  const { page } = visitor;
  await visitor.open("/ledger");
  await page.context().clearCookies();
  await page.getByRole("navigation", { name: "Places", exact: true }).getByRole("link", { name: "Payments" }).click();
  await page.getByText("Your session has ended").waitFor();
  await page.getByLabel("API key").fill(PROCESS_API_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Payments" }).waitFor();
});

test("somebody who has signed in is not asked for the key while Florin can't say so, and gets in when it can", async () => {
  await using visitor = await desk.visit();
  const { page } = visitor;
  const problem = { title: "Florin is busy", detail: "Try again in a moment.", code: "temporarily-unavailable" };
  await page.route("**/console/api/session", (route) => route.fulfill({ status: 503, json: problem }));
  await page.goto("/console/ledger");
  await page.getByRole("alert").getByText("Florin is busy").waitFor();
  expect(await page.getByLabel("API key").count()).toBe(0);
  await page.unroute("**/console/api/session");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { level: 1, name: "Ledger" }).waitFor();
});

test("a server that does not say whether somebody has signed in is not waited for without end", async () => {
  await using visitor = await desk.visit();
  const { page } = visitor;
  await page.clock.install();
  await page.route("**/console/api/session", () => {});
  await page.goto("/console");
  await page.getByText("Looking for your session").waitFor({ state: "attached" });
  await page.clock.fastForward(10_000);
  await page.getByRole("alert").getByText("Florin does not answer").waitFor();
});

test("nobody has complained", () => {
  expect(operator.complaints.filter((text) => !text.includes("409"))).toEqual([]);
});
