/** Florin as people run it, its console in a real Chromium, and a merchant's shop that is told by webhooks. */
import { execFileSync } from "node:child_process";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchChromium } from "../support/chromium.ts";
import { createTestDatabase } from "../support/database.ts";
import { type FlorinProcess, PROCESS_API_KEY, postPayment, startFlorinProcess } from "../support/florin-process.ts";
import { createTempFolder } from "../support/temp-folder.ts";

export const DESK = { width: 1440, height: 900 } as const;
export const PHONE = { width: 390, height: 844 } as const;

export interface Webhook {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A browser of one person. Whatever a page complains about is kept: blocked by the policy, thrown, failed to load. */
export interface Visitor extends AsyncDisposable {
  readonly page: Page;
  readonly complaints: readonly string[];
  /** Opens a place of the console and waits until its heading and its data are there. */
  open(path: string): Promise<void>;
  /** The same without loading the console again, as a link does. */
  follow(path: string): Promise<void>;
}

export interface ConsoleUnderTest extends AsyncDisposable {
  readonly florin: FlorinProcess;
  readonly shopUrl: string;
  /** What the shop was told, oldest first. */
  readonly told: readonly Webhook[];
  pay(orderId: string, token?: string): Promise<void>;
  /** Signed in; without `role` in front of the sign-in. */
  visit(options?: VisitOptions): Promise<Visitor>;
}

export interface VisitOptions {
  readonly role?: "operator" | "reader" | "nobody";
  readonly size?: { readonly width: number; readonly height: number };
  readonly colors?: "light" | "dark";
}

async function startShop(told: Webhook[]): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      told.push({ headers: request.headers, body });
      response.end("thank you");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}/florin` };
}

export async function startConsole(): Promise<ConsoleUnderTest> {
  // `npm test` has done it; a single file that is run by hand is tested against the pages as they are now, too.
  execFileSync(process.execPath, ["scripts/ensure-console-built.cjs"], { stdio: ["ignore", "inherit", "inherit"] });
  const stack = new AsyncDisposableStack();
  const folder = stack.use(createTempFolder("console"));
  const database = stack.use(await createTestDatabase());
  const told: Webhook[] = [];
  const shop = await startShop(told);
  stack.defer(() => {
    shop.server.closeAllConnections();
    shop.server.close();
  });
  const [florin, browser] = await Promise.all([
    startFlorinProcess({
      dataDir: folder.path,
      env: {
        DATABASE_URL: database.appUrl,
        MIGRATION_DATABASE_URL: database.ownerUrl,
        WEBHOOK_ALLOW_PRIVATE: "true",
      },
    }),
    launchChromium(),
  ]);
  stack.use(florin);
  stack.defer(() => browser.close());
  return {
    florin,
    shopUrl: shop.url,
    told,
    async pay(orderId, token = "pm_card_visa") {
      const answer = await postPayment(florin.url, { key: orderId, orderId, token });
      if (answer.status !== 201) throw new Error(`the payment was refused: ${answer.text}`);
    },
    visit: (options = {}) => openVisitor(browser, florin.url, options),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function openVisitor(
  browser: Browser,
  url: string,
  { role = "operator", size = DESK, colors = "light" }: VisitOptions,
): Promise<Visitor> {
  const context: BrowserContext = await browser.newContext({
    baseURL: url,
    viewport: size,
    colorScheme: colors,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`${page.url()} ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()} ${error.message}`));
  const open = async (path: string): Promise<void> => {
    await page.goto(`/console${path}`);
    await settle(page);
  };
  const follow = async (path: string): Promise<void> => {
    await page.evaluate((href) => {
      history.pushState(null, "", href);
      dispatchEvent(new PopStateEvent("popstate"));
      // Drawn with the next frame.
      return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }, `/console${path}`);
    await settle(page);
  };
  if (role === "nobody") {
    await page.goto("/console");
    await page.getByLabel("API key").waitFor();
  } else {
    await page.goto("/console");
    await signIn(page, { isReader: role === "reader" });
  }
  return { page, complaints, open, follow, [Symbol.asyncDispose]: () => context.close() };
}

export async function signIn(page: Page, { isReader = false } = {}): Promise<void> {
  await page.getByLabel("API key").fill(PROCESS_API_KEY);
  if (isReader) await page.getByLabel("Read only").check();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

/** The heading is there and nothing loads any more. */
export async function settle(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds that is serious or critical: rule, and the first elements that break it. */
export async function findBarriers(page: Page): Promise<readonly string[]> {
  // Through the debugger: the policy lets no script of ours into the page, which is as it should be.
  if ((await page.evaluate("typeof axe")) === "undefined") await page.evaluate(axeSource);
  const report: { violations: { id: string; impact: string; nodes: { html: string }[] }[] } = await page.evaluate(
    "axe.run({ resultTypes: ['violations'] })",
  );
  return report.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${page.url()} ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}
