/** A merchant's server: counts connections, keeps what it got, and answers as the test wants. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What was answered with 2xx, in its order. */
  readonly accepted: Received[];
  /** Everything that came. */
  readonly received: Received[];
  readonly connections: () => number;
  /** How requests are answered from now on. */
  answer: (request: Received, response: ServerResponse) => void;
}

export async function startReceiver(answer?: Receiver["answer"]): Promise<Receiver> {
  let connections = 0;
  const receiver = {
    accepted: [] as Received[],
    received: [] as Received[],
    answer: answer ?? ((_: Received, response: ServerResponse) => void response.end("thanks")),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const got = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() };
      receiver.received.push(got);
      response.on("finish", () => {
        if (response.statusCode < 300) receiver.accepted.push(got);
      });
      receiver.answer(got, response);
    });
  });
  server.on("connection", () => (connections += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

/** Answers with a status, a body and headers. */
export const answering =
  (status: number, body = "", headers: Record<string, string> = {}) =>
  (_: Received, response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body);
