/**
 * The address that customers, buyers and the PSP know: hands each request to one of the nodes. A node that refused or
 * did not answer in time is asked again by one request now and then, as behind any load balancer. A request that hangs in a paused node is
 * answered 504 here; the node finds it when it wakes up, while its sender has long repeated it elsewhere.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { Dice } from "./random.ts";

export interface Balancer {
  readonly url: string;
  close(): void;
}

/** Longer than any `Prefer: wait` of our customers. */
const ANSWER_LIMIT_MS = 5_000;
const REST_MS = 2_000;
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "host"]);

interface Forwarded {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

export async function startBalancer(nodeUrls: readonly string[], dice: Dice): Promise<Balancer> {
  /** Nodes that failed, and when one request may try them again. */
  const suspects = new Map<string, number>();

  function choose(left: ReadonlySet<string>): string {
    const nowMs = performance.now();
    const fit = [...left].filter((url) => (suspects.get(url) ?? 0) <= nowMs);
    const url = dice.pick(fit.length > 0 ? fit : [...left]);
    if (suspects.has(url)) suspects.set(url, nowMs + ANSWER_LIMIT_MS);
    return url;
  }

  async function forward(incoming: IncomingMessage): Promise<Forwarded> {
    const body = await buffer(incoming);
    const left = new Set(nodeUrls);
    while (left.size > 0) {
      const url = choose(left);
      left.delete(url);
      try {
        const answer = await send(url, incoming, body);
        suspects.delete(url);
        return answer;
      } catch (error) {
        suspects.set(url, performance.now() + REST_MS);
        // What may have reached the node is for its sender to repeat; only a refused connection is nobody's.
        if (!isRefused(error)) return problem(504);
      }
    }
    return problem(503);
  }

  const server = createServer((incoming, answer) => {
    forward(incoming)
      .catch(() => problem(502))
      .then(({ status, headers, body }) => reply(answer, { status, headers, body }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function send(nodeUrl: string, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Forwarded> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${nodeUrl}${url}`,
      { ...(method === undefined ? {} : { method }), headers: passOn(headers), agent: false },
      (answer) => {
        const finished = buffer(answer).then((bytes) =>
          resolve({ status: answer.statusCode ?? 502, headers: passOn(answer.headers), body: bytes }),
        );
        finished.catch(reject);
      },
    );
    sent.setTimeout(ANSWER_LIMIT_MS, () => sent.destroy(new Error("no answer in time")));
    sent.on("error", reject);
    sent.end(body);
  });
}

function passOn(headers: IncomingMessage["headers"]): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name)) kept[name] = value;
  }
  return kept;
}

function reply(answer: ServerResponse, { status, headers, body }: Forwarded): void {
  answer.writeHead(status, { ...(headers as Record<string, string>), "content-length": body.length });
  answer.end(body);
}

const problem = (status: number): Forwarded => ({ status, headers: {}, body: Buffer.alloc(0) });

const isRefused = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
