/** The front on a real socket: what only bytes on the wire can show. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aPayment, type HttpUnderTest, startHttpUnderTest } from "./http-under-test.ts";

let http: HttpUnderTest;
let port: number;
beforeAll(async () => {
  http = await startHttpUnderTest();
  port = Number(new URL(await http.listen()).port);
});
afterAll(() => http.close());

interface Exchange {
  readonly status: number;
  readonly text: string;
  readonly sentBytes: number;
}

/** Sends head and chunks as they are, and reads until the server closes or has answered. */
function send(head: readonly string[], chunks: Iterable<string>): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    let sentBytes = 0;
    const finish = (): void => {
      socket.destroy();
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text, sentBytes });
    };
    socket.on("data", (data) => {
      text += data.toString();
      if (text.includes("\r\n\r\n") && (text.includes("}") || text.includes("\r\n0\r\n"))) finish();
    });
    socket.once("end", finish);
    socket.once("error", (error) => (text === "" ? reject(error) : finish()));
    socket.once("connect", async () => {
      const lines = [
        "POST /v1/payments HTTP/1.1",
        "Host: x",
        `Authorization: Bearer ${http.merchant.key}`,
        "Idempotency-Key: raw",
        ...head,
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      for (const chunk of chunks) {
        if (socket.destroyed) return;
        sentBytes += chunk.length;
        if (!socket.write(chunk)) await new Promise((drained) => socket.once("drain", drained).once("close", drained));
      }
    });
  });
}

const JSON_TYPE = "Content-Type: application/json";
const toChunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

test("a payment that arrives in chunks of one byte is made", async () => {
  const body = JSON.stringify(aPayment());
  const exchange = await send([JSON_TYPE, "Transfer-Encoding: chunked"], [...[...body].map(toChunk), "0\r\n\r\n"]);
  expect(exchange.status).toBe(201);
});

test("chunks without an end are cut off at the limit with 413", async () => {
  function* endless(): Generator<string> {
    for (let n = 0; n < 2_000; n += 1) yield toChunk(" ".repeat(8_192));
  }
  const exchange = await send([JSON_TYPE, "Transfer-Encoding: chunked"], endless());
  expect(exchange.status).toBe(413);
  expect(exchange.text).toContain("body-too-large");
  expect(exchange.sentBytes).toBeLessThan(16_000_000);
});

test("an announced gigabyte is refused without waiting for it", async () => {
  const exchange = await send([JSON_TYPE, "Content-Length: 1000000000"], ["{"]);
  expect(exchange.status).toBe(413);
});

test("a connection that ends in the middle of a body makes nothing and breaks nothing", async () => {
  const counted = async () => (await http.sql`SELECT count(*)::integer AS n FROM payment_orders`)[0]?.n;
  const before = await counted();
  await new Promise<void>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(
        `POST /v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${http.merchant.key}\r\nIdempotency-Key: cut\r\n${JSON_TYPE}\r\nContent-Length: 500\r\n\r\n{"a":`,
      );
      setTimeout(() => socket.destroy(), 50);
    });
    socket.once("close", () => resolve());
  });
  expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
  expect(await counted()).toBe(before);
  expect(http.logged()).not.toContain('"code":"internal-error"');
});

test("a hundred requests on kept connections are answered with their own ids", async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, n) =>
      (await fetch(`http://127.0.0.1:${port}/livez`, { headers: { "x-request-id": `r-${n}` } })).headers.get(
        "x-request-id",
      ),
    ),
  );
  expect(answers).toEqual(Array.from({ length: 100 }, (_, n) => `r-${n}`));
});
