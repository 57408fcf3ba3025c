/**
 * Before the first test: one PostgreSQL with a migrated template, one Redis. Both run in a process of their
 * own (`servers.ts`) that ends with this one, whatever happens to it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { type ServerAddresses, serverAddresses } from "./server-addresses.ts";

declare module "vitest" {
  export interface ProvidedContext {
    servers: ServerAddresses;
  }
}

export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const script = fileURLToPath(new URL("servers.ts", import.meta.url));
  // A session of its own: Ctrl-C reaches the tests first, which still need the servers for a moment.
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const firstLine = once(createInterface({ input: child.stdout }), "line");
  const started = await Promise.race([firstLine, exited.then(() => null)]);
  if (started === null) throw new Error("The servers for the tests did not start; the reason is printed above.");
  project.provide("servers", serverAddresses.parse(JSON.parse(String(started[0]))));
  return async () => {
    child.stdin.end();
    await exited;
  };
}
