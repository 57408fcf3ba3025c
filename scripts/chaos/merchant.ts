/** A merchant's own server: hears every event by webhook, checks the signature, and now and then is not there at first. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import type { FlorinClient } from "../support/florin-client.ts";
import type { Delivery } from "./checker/facts.ts";
import type { Dice } from "./random.ts";

export interface ListeningMerchant {
  /** Everything that came, refused or not, in the order of arrival. */
  readonly deliveries: readonly Delivery[];
  close(): void;
}

/** The next attempt comes after five seconds, the third only after five minutes: nobody is refused twice. */
const REFUSED_AT_FIRST = 0.1;

export async function startMerchant(client: FlorinClient, dice: Dice): Promise<ListeningMerchant> {
  const deliveries: Delivery[] = [];
  const known = new Set<string>();
  let verifier: Webhook | null = null;

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const id = String(request.headers["webhook-id"]);
      const body = Buffer.concat(chunks).toString();
      const isRefused = !known.has(id) && dice.between(0, 1) < REFUSED_AT_FIRST;
      known.add(id);
      deliveries.push({ id, body, isRefused, isSigned: isSigned(body, request.headers) });
      response.writeHead(isRefused ? 503 : 204).end();
    });
  });

  function isSigned(body: string, headers: NodeJS.Dict<string | string[]>): boolean {
    try {
      verifier?.verify(body, {
        "webhook-id": String(headers["webhook-id"]),
        "webhook-timestamp": String(headers["webhook-timestamp"]),
        "webhook-signature": String(headers["webhook-signature"]),
      });
      return verifier !== null;
    } catch {
      return false;
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { status, text } = await client.postUntilAnswered("/v1/webhook_endpoints", {
    key: "chaos-endpoint",
    body: JSON.stringify({ url: `http://127.0.0.1:${port}/events`, events: ["*"] }),
  });
  if (status !== 201) throw new Error(`the merchant's endpoint was answered ${status}: ${text.slice(0, 300)}`);
  verifier = new Webhook((JSON.parse(text) as { readonly secret: string }).secret);
  return {
    deliveries,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
