/**
 * The ways in which an answer fails to arrive. Some need the bare socket: no framework can say nothing for half
 * a minute, or reset a connection.
 */
import type { ServerResponse } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import { assertNever } from "../../core/assert.ts";
import type { AnswerLoss } from "./tokens.ts";

export type SimulatorEnv = { Bindings: HttpBindings };

/** Far beyond any client's limit; the socket is closed after it, so that they don't pile up. */
const HOLD_MS = 30_000;

/** Answers held at this moment; `release` closes them all. */
export interface HeldAnswers {
  hold(response: ServerResponse): Promise<void>;
  release(): void;
}

export function createHeldAnswers(): HeldAnswers {
  const held = new Set<ServerResponse>();
  return {
    hold: (response) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => response.destroy(), HOLD_MS);
        held.add(response);
        response.once("close", () => {
          clearTimeout(timer);
          held.delete(response);
          resolve();
        });
        if (response.destroyed || response.socket?.destroyed === true) response.destroy();
      }),
    release() {
      for (const response of held) response.destroy();
    },
  };
}

/** Loses the answer of this call in the given way. */
export async function loseAnswer(c: Context<SimulatorEnv>, loss: AnswerLoss, held: HeldAnswers): Promise<Response> {
  switch (loss) {
    case "hold":
      await held.hold(c.env.outgoing);
      return RESPONSE_ALREADY_SENT;
    case "reset":
      c.env.outgoing.socket?.resetAndDestroy();
      return RESPONSE_ALREADY_SENT;
    case "status_500":
      return answerError(c, { status: 500, code: "internal_error", message: "Something went wrong at the PSP." });
    case "status_503":
      return answerError(c, { status: 503, code: "unavailable", message: "The PSP is not available." });
    case "status_429":
      c.header("retry-after", "1");
      return answerError(c, { status: 429, code: "rate_limited", message: "Too many calls; wait a second." });
    case "garbage":
      return c.body('\u0000<html>{"status": "succ', 200, { "content-type": "application/json" });
    default:
      return assertNever(loss);
  }
}

export interface ApiError {
  readonly status: 400 | 404 | 409 | 413 | 422 | 429 | 500 | 503;
  readonly code: string;
  readonly message: string;
}

export function answerError(c: Context<SimulatorEnv>, { status, code, message }: ApiError): Response {
  return c.json({ error: { code, message } }, status);
}
