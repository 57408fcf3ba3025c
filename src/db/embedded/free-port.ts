/**
 * A port for the embedded server. It is taken from below the range that operating systems hand out to
 * outgoing connections (32768 and up): a port from that range may be somebody's client port just when the
 * server has to come back on it.
 */
import { createServer } from "node:net";
import type { Random } from "../../core/ports.ts";

const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
const TRIES = 200;

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

export async function findFreePort(random: Random): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = LOWEST_PORT + Math.floor(random.unit() * (HIGHEST_PORT - LOWEST_PORT));
    if (await isPortFree(port)) return port;
  }
  throw new Error(
    `No free TCP port between ${LOWEST_PORT} and ${HIGHEST_PORT} on 127.0.0.1 for the embedded PostgreSQL. ` +
      "Free one, or set DATABASE_URL to a PostgreSQL of your own.",
  );
}
