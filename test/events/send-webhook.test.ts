/** One attempt: where it connects, and what it makes of the answer. */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Ports, systemPorts } from "../../src/core/ports.ts";
import type { HostAddress } from "../../src/events/resolve-host.ts";
import { createWebhookSender, type SenderOptions, type WebhookSender } from "../../src/events/send-webhook.ts";
import { FORBIDDEN_V4, FORBIDDEN_V6 } from "./forbidden-addresses.ts";
import { answering, startReceiver } from "./receiver.ts";
import { TLS_CERTIFICATE, TLS_HOST, TLS_KEY } from "./tls-identity.ts";

const senders: WebhookSender[] = [];
afterEach(() => {
  for (const sender of senders.splice(0)) sender.close();
});

function open(options: Partial<SenderOptions> = {}): WebhookSender {
  const sender = createWebhookSender({
    ports: systemPorts,
    resolveHost: async () => [{ address: "127.0.0.1", family: 4 }],
    allowPrivate: true,
    ...options,
  });
  senders.push(sender);
  return sender;
}

const toHostAddress = (address: string): HostAddress => ({ address, family: address.includes(":") ? 6 : 4 });

function send(sender: WebhookSender, url: string, signal = new AbortController().signal) {
  return sender.send({ url, headers: { "content-type": "application/json" }, body: '{"id":"evt_1"}', signal });
}

/** A deadline that comes a hundred times as fast. */
const HASTY_PORTS: Ports = {
  ...systemPorts,
  timers: { ...systemPorts.timers, after: (ms, callback) => systemPorts.timers.after(ms / 100, callback) },
};

describe("a name that resolves to a forbidden address", () => {
  test("is never connected to, whichever address it is", async () => {
    await using receiver = await startReceiver();
    for (const address of [...FORBIDDEN_V4, ...FORBIDDEN_V6]) {
      const sender = open({ allowPrivate: false, resolveHost: async () => [toHostAddress(address)] });
      const answer = await send(sender, `https://hooks.shop.com:${receiver.port}/`);
      expect(answer, address).toMatchObject({ status: null, error: "address_forbidden" });
    }
    expect(receiver.connections()).toBe(0);
  });

  test("is never connected to when it has a public address too", async () => {
    await using receiver = await startReceiver();
    const resolveHost = async () => ["8.8.8.8", "127.0.0.1"].map(toHostAddress);
    const answer = await send(open({ allowPrivate: false, resolveHost }), `https://hooks.shop.com:${receiver.port}/`);
    expect(answer.error).toBe("address_forbidden");
    expect(receiver.connections()).toBe(0);
  });

  test("is looked up once for an attempt: a resolver that then answers otherwise moves no connection", async () => {
    await using receiver = await startReceiver();
    let questions = 0;
    // Public by its range, and given to nobody.
    const answers = ["3000::1", "127.0.0.1"];
    const resolveHost = async () => [toHostAddress(answers[questions++] ?? "127.0.0.1")];
    const sender = open({ allowPrivate: false, resolveHost });
    const url = `https://hooks.shop.com:${receiver.port}/`;
    const first = await send(sender, url, AbortSignal.timeout(300));
    expect(first.status).toBeNull();
    expect(questions).toBe(1);
    const second = await send(sender, url);
    expect(second.error).toBe("address_forbidden");
    expect(questions).toBe(2);
    expect(receiver.connections()).toBe(0);
  });
});

test("a forbidden URL that is in the table all the same is not connected to", async () => {
  await using receiver = await startReceiver();
  const sender = open({ allowPrivate: false });
  for (const host of ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "127.1"]) {
    expect((await send(sender, `https://${host}:${receiver.port}/`)).error, host).toBe("url_forbidden");
    expect((await send(sender, `http://${host}:${receiver.port}/`)).error, host).toBe("url_forbidden");
  }
  expect(receiver.connections()).toBe(0);
});

test.each([301, 302, 303, 307, 308])("a redirect with %i is not followed", async (status) => {
  await using inside = await startReceiver();
  await using receiver = await startReceiver(answering(status, "", { location: `${inside.url}/secret` }));
  const answer = await send(open(), `${receiver.url}/`);
  expect(answer).toMatchObject({ status, error: "redirect_refused" });
  expect(receiver.received).toHaveLength(1);
  expect(inside.connections()).toBe(0);
});

describe("over TLS", () => {
  async function startTls() {
    const seen: { readonly name: string | false | null; readonly host: string | undefined }[] = [];
    const server = createServer({ key: TLS_KEY, cert: TLS_CERTIFICATE }, (request, response) => {
      const name = "servername" in request.socket ? (request.socket.servername as string | false | null) : null;
      seen.push({ name, host: request.headers.host });
      response.end("ok");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { seen, port, [Symbol.dispose]: () => server.close() };
  }

  test("the connection goes to the checked address, certificate and name stay the host's", async () => {
    using server = await startTls();
    const answer = await send(open({ ca: TLS_CERTIFICATE }), `https://${TLS_HOST}:${server.port}/`);
    expect(answer).toEqual({ status: 200, error: null, excerpt: "ok", retryAfterMs: null });
    expect(server.seen).toEqual([{ name: TLS_HOST, host: `${TLS_HOST}:${server.port}` }]);
  });

  test("a certificate of another name or of nobody known is refused", async () => {
    using server = await startTls();
    const other = await send(open({ ca: TLS_CERTIFICATE }), `https://other.shop.com:${server.port}/`);
    expect(other.error).toBe("err_tls_cert_altname_invalid");
    const unknown = await send(open(), `https://${TLS_HOST}:${server.port}/`);
    expect(unknown.error).toMatch(/self_signed/);
    expect(server.seen).toEqual([]);
  });
});

test("an endpoint that never answers is given up at the deadline", async () => {
  await using receiver = await startReceiver(() => {});
  expect(await send(open({ ports: HASTY_PORTS }), receiver.url)).toMatchObject({ status: null, error: "timeout" });
});

test("a name whose resolver never answers is given up at the deadline", async () => {
  const sender = open({ ports: HASTY_PORTS, resolveHost: () => new Promise(() => {}) });
  expect(await send(sender, "https://hooks.shop.com/")).toMatchObject({ status: null, error: "timeout" });
});

test("a receiver that switches protocols instead of answering is no success and ends the attempt", async () => {
  const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
  await using receiver = await startReceiver((_, response) => void response.socket?.write(switching));
  const sender = open();
  expect(await send(sender, receiver.url)).toMatchObject({ status: null, error: "connection_closed" });
  receiver.answer = answering(200);
  expect(await send(sender, receiver.url)).toMatchObject({ status: 200, error: null });
});

test("a receiver that says forever that it will answer is given up at the deadline", async () => {
  await using receiver = await startReceiver((_, response) => {
    const promise = (): void => {
      if (!response.destroyed) response.writeProcessing(() => setTimeout(promise, 5));
    };
    promise();
  });
  expect(await send(open({ ports: HASTY_PORTS }), receiver.url)).toMatchObject({ status: null, error: "timeout" });
});

test("an answer without end is read up to a limit and counts by its status", async () => {
  let written = 0;
  await using receiver = await startReceiver((_, response) => {
    const write = (): void => {
      written += 1;
      if (!response.destroyed) response.write("x".repeat(65_536), () => setImmediate(write));
    };
    response.writeHead(200);
    write();
  });
  const answer = await send(open(), receiver.url);
  expect(answer).toMatchObject({ status: 200, error: null, excerpt: "x".repeat(500) });
  expect(written).toBeLessThan(1_000);
});

test("an answer that stops in the middle counts by its status", async () => {
  await using receiver = await startReceiver((_, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("begun");
  });
  const answer = await send(open({ ports: HASTY_PORTS }), receiver.url);
  expect(answer).toMatchObject({ status: 200, error: null });
});

test("of an answer an excerpt without control characters and long numbers is kept", async () => {
  const body = `\u001b[31mno\u0000\r\n4242 4242 4242 4242 ${"ä".repeat(1_000)}`;
  await using receiver = await startReceiver(answering(500, body));
  const answer = await send(open(), receiver.url);
  expect(answer).toMatchObject({ status: 500, error: "http_500" });
  expect(answer.excerpt).toMatch(/^\[31mno \[number\] ä+$/);
  expect(answer.excerpt?.length).toBe(500);
});

test.each([
  [429, "7", 7_000],
  [503, "120", 120_000],
  [500, "7", null],
  [503, "soon", null],
] as const)("%i with Retry-After %s asks for %s ms", async (status, header, retryAfterMs) => {
  await using receiver = await startReceiver(answering(status, "", { "retry-after": header }));
  expect((await send(open(), receiver.url)).retryAfterMs).toBe(retryAfterMs);
});

test("a server that closed its idle connection costs no attempt", async () => {
  await using receiver = await startReceiver();
  const sender = open();
  expect((await send(sender, receiver.url)).status).toBe(200);
  let isFirst = true;
  receiver.answer = (_, response) => {
    // As a server does whose keep-alive ran out while our request was on its way.
    if (isFirst) response.socket?.resetAndDestroy();
    else response.end();
    isFirst = false;
  };
  expect((await send(sender, receiver.url)).status).toBe(200);
  expect(receiver.connections()).toBe(2);
});
