/**
 * The PSP simulator: a foreign system with its own HTTP server, disk and clock, first-class because every
 * claim of Florin about money is tested against its effects. `startSimulator` runs it inside a test; `main.ts`
 * runs it as a process.
 */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { answerError, createHeldAnswers, type SimulatorEnv } from "./answer-loss.ts";
import { createChargeRoutes } from "./charge-routes.ts";
import { createControlRoutes } from "./control-routes.ts";
import { createNoticeSender } from "./notices.ts";
import { createPageRoutes } from "./page-routes.ts";
import { createProcessor } from "./processor.ts";
import { openState } from "./state.ts";

/** Longer than clients keep idle sockets, so that it is they who close: a reset in mid-call would be `unknown`. */
const KEEP_ALIVE_MS = 75_000;

export interface SimulatorOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host?: string;
  readonly dataDir: string;
  /** How buyers reach it; default: from host and port. */
  readonly publicUrl?: string;
  /** Shortens the delays of tokens (settlements, late inquiries) in tests; default 1. */
  readonly delayScale?: number;
}

export interface Simulator {
  readonly url: string;
  close(): Promise<void>;
}

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const host = options.host ?? "127.0.0.1";
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true });
  // The port comes first: a second simulator on it must fail before it touches the journal of the first.
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : options.port);
    });
  });
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const publicUrl = (options.publicUrl ?? url).replace(/\/+$/, "");

  const state = openState(options.dataDir);
  const sender = createNoticeSender(state, () => publicUrl);
  const processor = createProcessor({ state, sender, delayScale: options.delayScale ?? 1 });
  const held = createHeldAnswers();
  const parts = { state, processor, sender, held, publicUrl: () => publicUrl };

  const app = new Hono<SimulatorEnv>();
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.route("/", createChargeRoutes(parts));
  app.route("/_sim", createControlRoutes(parts));
  app.route("/", createPageRoutes(state, processor));
  app.notFound((c) => answerError(c, { status: 404, code: "no_such_route", message: "There is nothing here." }));
  app.onError((_error, c) =>
    answerError(c, { status: 500, code: "internal_error", message: "Something went wrong at the PSP." }),
  );
  server.on("request", getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  processor.resume();

  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    processor.clear();
    held.release();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    sender.close();
    state.close();
  };
  return {
    url,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
