/** What the connector makes of answers that no well-behaved PSP gives. */
import { createServer, type Server as HttpServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_ANSWER_BYTES } from "../../src/psp/connector.ts";
import { parseRetryAfterMs } from "../../src/psp/http-exchange.ts";
import type { SimulatorConnector } from "../../src/psp/simulator/connector.ts";
import { findFreePort } from "../support/free-port.ts";
import { aCharge, connectTo } from "./simulator-under-test.ts";

const KEY = "order:charge:1";
let answer: (response: ServerResponse) => void = () => {};
let server: HttpServer;
let connector: SimulatorConnector;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => answer(response));
  });
  await listen(server);
  connector = connectTo(`http://127.0.0.1:${portOf(server)}`);
});
afterAll(() => {
  connector.close();
  server.closeAllConnections();
  server.close();
});

const listen = (target: Server) => new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
const portOf = (target: Server): number => (target.address() as AddressInfo).port;

const succeeded = {
  object: "charge",
  reference: "ch_1",
  idempotency_key: KEY,
  status: "succeeded",
  captured: true,
  amount: "10000",
  currency: "USD",
};
const declined = {
  ...succeeded,
  status: "declined",
  failure: { code: "card_declined", decline_code: "generic_decline", message: "No." },
};

async function chargeAnswered(status: number, body: string | Buffer, headers: Record<string, string> = {}) {
  answer = (response) => response.writeHead(status, headers).end(body);
  return connector.charge({ idempotencyKey: KEY, body: connector.buildCharge(aCharge()) });
}
async function inquireAnswered(status: number, body: string) {
  answer = (response) => response.writeHead(status).end(body);
  return (await connector.inquire({ idempotencyKey: KEY })).outcome;
}
const problem = (code: string): string => JSON.stringify({ error: { code, message: "…" } });

describe("a charge's answer", () => {
  it.each([
    ["no JSON", "<html>"],
    ["nothing", ""],
    ["null", "null"],
    ["an array", "[]"],
    ["NUL bytes", "\u0000\u0000"],
    ["invalid UTF-8", Buffer.concat([Buffer.from(JSON.stringify(succeeded)), Buffer.from([0xff])])],
    ["half a body", JSON.stringify(succeeded).slice(0, 60)],
    ["no such status", JSON.stringify({ ...succeeded, status: "done" })],
    ["an amount as a number", JSON.stringify({ ...succeeded, amount: 10_000 })],
    ["an amount with a point", JSON.stringify({ ...succeeded, amount: "100.00" })],
    ["a negative amount", JSON.stringify({ ...succeeded, amount: "-1" })],
    ["an amount with an exponent", JSON.stringify({ ...succeeded, amount: "1e4" })],
    ["an amount in other digits", JSON.stringify({ ...succeeded, amount: "١٠٠" })],
    ["an amount beyond any column", JSON.stringify({ ...succeeded, amount: "9".repeat(30) })],
    ["a currency in small letters", JSON.stringify({ ...succeeded, currency: "usd" })],
    ["no currency", JSON.stringify({ ...succeeded, currency: undefined })],
    ["no word on capture", JSON.stringify({ ...succeeded, captured: undefined })],
    ["a reference with NUL", JSON.stringify({ ...succeeded, reference: "ch_\u0000" })],
    ["a reference with a lone surrogate", JSON.stringify({ ...succeeded, reference: "ch_\ud800" })],
    ["an empty reference", JSON.stringify({ ...succeeded, reference: "" })],
    ["a decline with a broken reference", JSON.stringify({ ...declined, reference: "\udfff" })],
    ["a decline without a failure", JSON.stringify({ ...declined, failure: null })],
  ])("with %s is unknown", async (_what, body) => {
    const { outcome, raw } = await chargeAnswered(200, body);
    expect(outcome).toEqual({ kind: "unknown", reason: "unreadable_answer" });
    expect(Buffer.from(raw.body)).toEqual(Buffer.from(body));
  });

  it("about another key is unknown", async () => {
    const { outcome } = await chargeAnswered(200, JSON.stringify({ ...succeeded, idempotency_key: "other" }));
    expect(outcome).toEqual({ kind: "unknown", reason: "answer_for_another_key" });
  });

  it("longer than what is kept is cut and unknown", async () => {
    const { outcome, raw } = await chargeAnswered(200, JSON.stringify({ ...succeeded, padding: "x".repeat(100_000) }));
    expect(outcome).toEqual({ kind: "unknown", reason: "answer_too_long" });
    expect(raw.body.length).toBe(MAX_ANSWER_BYTES);
  });

  it("keeps a decline whose texts hold NUL and lone surrogates, with the texts cleaned", async () => {
    const failure = { code: "bad\u0000code", decline_code: "\ud800", message: `a\u0007b\udc00${"x".repeat(1_000)}` };
    const { outcome } = await chargeAnswered(200, JSON.stringify({ ...declined, failure }));
    expect(outcome).toMatchObject({ kind: "declined", code: "bad\ufffdcode", declineCode: "\ufffd", retryable: false });
    const { message } = outcome as { message: string };
    expect(message.startsWith("a\ufffdb\ufffdxx")).toBe(true);
    expect(message.isWellFormed()).toBe(true);
    expect(message.length).toBe(500);
  });

  it.each(["javascript:alert(1)", "not a url", 5, "\u0000"])("drops the redirect %j and stays pending", async (url) => {
    const body = JSON.stringify({ ...succeeded, status: "pending", next_action: { type: "redirect", url } });
    expect((await chargeAnswered(200, body)).outcome).toEqual({ kind: "pending", reference: "ch_1", nextAction: null });
  });

  it.each([
    [500, "", "http_500"],
    [502, "<html>", "http_502"],
    [503, problem("unavailable"), "http_503"],
    [204, "", "http_204"],
    [302, "", "http_302"],
    [404, "", "http_404"],
    [400, "<html>a proxy</html>", "http_400"],
    [408, "", "http_408"],
    [409, problem("idempotency_key_in_use"), "idempotency_key_in_use"],
    [422, problem("idempotency_key_reused"), "idempotency_key_reused"],
  ])("%s %j is unknown", async (status, body, reason) => {
    expect((await chargeAnswered(status, body)).outcome).toEqual({ kind: "unknown", reason });
  });

  it("a documented 400 is unsent", async () => {
    const { outcome } = await chargeAnswered(400, problem("invalid_request"));
    expect(outcome).toEqual({ kind: "unsent", reason: "invalid_request", retryAfterMs: null });
  });

  it("429 is unsent and keeps Retry-After", async () => {
    const { outcome } = await chargeAnswered(429, "", { "retry-after": "7" });
    expect(outcome).toEqual({ kind: "unsent", reason: "rate_limited", retryAfterMs: 7_000 });
  });
});

describe("an inquiry's answer", () => {
  it("is not found only by the PSP's own word", async () => {
    expect(await inquireAnswered(404, problem("charge_not_found"))).toEqual({ kind: "not_found" });
    expect(await inquireAnswered(404, "<html>nginx</html>")).toEqual({ kind: "unknown", reason: "http_404" });
    expect(await inquireAnswered(404, problem("no_such_route"))).toEqual({ kind: "unknown", reason: "http_404" });
  });

  it.each([
    [429, "", "rate_limited"],
    [500, "", "http_500"],
    [400, problem("invalid_request"), "http_400"],
    [200, "{}", "unreadable_answer"],
  ])("%s %j is unknown", async (status, body, reason) => {
    expect(await inquireAnswered(status, body)).toEqual({ kind: "unknown", reason });
  });
});

describe("the connection", () => {
  const chargeAt = async (url: string, idempotencyKey = KEY) => {
    const other = connectTo(url);
    const answered = await other.charge({ idempotencyKey, body: other.buildCharge(aCharge()) });
    other.close();
    return answered.outcome;
  };

  it("refused is unsent", async () => {
    const outcome = await chargeAt(`http://127.0.0.1:${await findFreePort()}`);
    expect(outcome).toEqual({ kind: "unsent", reason: "econnrefused", retryAfterMs: null });
  });

  it("to a name that does not exist is unsent", async () => {
    expect((await chargeAt("http://psp.invalid")).kind).toBe("unsent");
  });

  it("that Node refuses to make is unsent", async () => {
    expect(await chargeAt("http://127.0.0.1:1", "a\nb")).toMatchObject({ kind: "unsent", reason: "err_invalid_char" });
  });

  it.each([
    ["closed without a word", (): string => "", "econnreset"],
    ["closed within the head", (): string => "HTTP/1.1 200 OK\r\nContent-Le", "econnreset"],
    ["closed within the body", (): string => "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "econnreset"],
    ["that speaks no HTTP", (): string => "SSH-2.0-OpenSSH\r\n", "hpe_invalid_constant"],
  ])("%s is unknown", async (_what, reply, reason) => {
    const tcp = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(reply()));
    });
    await listen(tcp);
    expect(await chargeAt(`http://127.0.0.1:${portOf(tcp)}`)).toEqual({ kind: "unknown", reason });
    tcp.close();
  });

  it("that drips for ever ends within the limit", async () => {
    answer = (response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
    };
    const { outcome, raw } = await connector.charge({ idempotencyKey: KEY, body: "{}" });
    expect(outcome).toEqual({ kind: "unknown", reason: "timeout" });
    expect(raw.status).toBe(200);
  });
});

describe("Retry-After", () => {
  const nowMs = Date.UTC(2026, 0, 1, 12, 0, 0);
  it.each([
    [null, null],
    ["0", 0],
    ["120", 120_000],
    [" 3 ", 3_000],
    ["Thu, 01 Jan 2026 12:00:30 GMT", 30_000],
    ["Thu, 01 Jan 2026 11:59:00 GMT", 0],
    ["-5", null],
    ["1.5", null],
    ["soon", null],
    ["", null],
  ])("%j is %s ms", (header, expected) => {
    expect(parseRetryAfterMs(header, nowMs)).toBe(expected);
  });
});
