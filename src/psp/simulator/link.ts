/**
 * Florin's side of the simulator's control API. A simulator is a PSP with a memory of its own: one that is asked about
 * charges that another one made says "not found", and they would be made again. So each has an identity, and until the
 * one at the configured address is known to be the right one, no call leaves for it.
 */
import type { Logger } from "pino";
import { z } from "zod";
import type { CancelTimer, Ports } from "../../core/ports.ts";
import type { Answer, Connector } from "../connector.ts";

const TIMEOUT_MS = 5_000;
const NOTHING_RECEIVED = { status: null, body: new Uint8Array(0) } as const;
const NOT_CONFIRMED = "psp_not_confirmed";
const RETRY_AFTER_MS = 1_000;
const REGISTRATION_RETRY_MS = 3_000;
const REGISTRATION_EVERY_MS = 30_000;

export interface GatedConnector extends Connector {
  open(): void;
  close(): void;
}

/** Closed at first: charges are held back (surely unsent), inquiries stay unknown. */
export function createGate(inner: Connector): GatedConnector {
  let isOpen = false;
  const heldBack = <O>(outcome: O): Promise<Answer<O>> => Promise.resolve({ outcome, raw: NOTHING_RECEIVED });
  return {
    ...inner,
    charge: (call) =>
      isOpen
        ? inner.charge(call)
        : heldBack({ kind: "unsent", reason: NOT_CONFIRMED, retryAfterMs: RETRY_AFTER_MS, heldBack: true }),
    inquire: (call) => (isOpen ? inner.inquire(call) : heldBack({ kind: "unknown", reason: NOT_CONFIRMED })),
    open() {
      isOpen = true;
    },
    close() {
      isOpen = false;
    },
  };
}

async function control(simulatorUrl: string, path: string, init: RequestInit): Promise<unknown> {
  const answer = await fetch(`${simulatorUrl}/_sim${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`the PSP simulator at ${simulatorUrl} answered ${answer.status} to ${path}`);
  return answer.json();
}

/** Made with its data and kept with it. Throws when it can't be reached. */
async function readSimulatorIdentity(simulatorUrl: string): Promise<string> {
  return z.object({ simulator_id: z.string() }).parse(await control(simulatorUrl, "/identity", {})).simulator_id;
}

/** Tells it where its notices go. Throws when it can't be reached. */
async function registerWebhook(
  simulatorUrl: string,
  webhook: { readonly url: string; readonly secret: string },
): Promise<void> {
  await control(simulatorUrl, "/webhook", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(webhook),
  });
}

export interface SimulatorLink {
  readonly simulatorUrl: string;
  readonly gate: GatedConnector;
  readonly isRightOne: (identity: string) => Promise<boolean>;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly ports: Ports;
}

/** Opens the gate when the simulator is the one that this database's orders know. False when it is away. */
export async function confirmSimulator({
  simulatorUrl,
  gate,
  isRightOne,
}: Pick<SimulatorLink, "simulatorUrl" | "gate" | "isRightOne">): Promise<boolean> {
  const identity = await readSimulatorIdentity(simulatorUrl).catch(() => null);
  if (identity === null) return false;
  if (!(await isRightOne(identity))) {
    gate.close();
    throw new Error(
      `the PSP simulator at ${simulatorUrl} is not the one that the orders of this database were sent to, and would charge ` +
        "them again. All nodes of a database share one simulator: set PSP_SIMULATOR_URL to its address on each of them",
    );
  }
  gate.open();
  return true;
}

/**
 * A PSP that is away must keep no node from starting: its orders wait, and it is told of us when it is back. It is told
 * again now and then, for another node's address may have taken the place of ours, and its node may have ended.
 */
export async function keepRegistering(
  deps: SimulatorLink & { readonly webhook: { readonly url: string; readonly secret: string } },
): Promise<CancelTimer> {
  const { simulatorUrl, webhook, log, ports } = deps;
  let registeredAtMs = Number.NEGATIVE_INFINITY;
  let trouble: string | null = null;
  const register = async (): Promise<void> => {
    if (ports.clock.monotonicMs() - registeredAtMs < REGISTRATION_EVERY_MS) return;
    try {
      await confirmSimulator(deps);
      await registerWebhook(simulatorUrl, webhook);
      if (trouble !== null) log.info("the PSP simulator knows our webhook address");
      trouble = null;
      registeredAtMs = ports.clock.monotonicMs();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (trouble !== reason)
        log.warn({ err: error }, "the PSP simulator could not be told our webhook address; trying again until it is");
      trouble = reason;
    }
  };
  await register();
  return ports.timers.every(REGISTRATION_RETRY_MS, () => void register());
}
