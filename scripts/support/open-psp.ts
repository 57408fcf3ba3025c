/** The PSPs of the configuration for a script that acts as one more node: the simulator that runs, or one started for it. */
import { join } from "node:path";
import type { Config } from "../../src/config.ts";
import { systemPorts } from "../../src/core/ports.ts";
import type { Connector } from "../../src/psp/connector.ts";
import { createGuardedConnector } from "../../src/psp/guarded-connector.ts";
import { startSimulatorProcess } from "../../src/psp/simulator/child.ts";
import { createSimulatorConnector } from "../../src/psp/simulator/connector.ts";
import { confirmSimulator, createGate } from "../../src/psp/simulator/link.ts";
import { UserError } from "./terminal.ts";

export interface CallCounts {
  charges: number;
  inquiries: number;
}

export interface Psps {
  readonly connectors: readonly Connector[];
  readonly calls: Readonly<CallCounts>;
  close(): Promise<void>;
}

const SIMULATOR_ACCOUNT = "simulator";
const PROBE_TIMEOUT_MS = 2_000;

export interface OpenPsps {
  readonly mayShare: boolean;
  /** Whether the simulator of that identity is the one that the orders were sent to. */
  readonly isRightOne: (identity: string) => Promise<boolean>;
}

/**
 * `mayShare`: a Florin on the same books may run, and then its simulator is the right one to ask. Otherwise a
 * simulator on our port is somebody else's, knows nothing of our charges, and would have them made again.
 */
export async function openPsps(config: Config, { mayShare, isRightOne }: OpenPsps): Promise<Psps> {
  const simulator = await openSimulator(config, mayShare);
  const timeout = config.pspTimeoutMs === null ? {} : { timeoutMs: config.pspTimeoutMs };
  const inner = createSimulatorConnector({
    account: SIMULATOR_ACCOUNT,
    baseUrl: simulator.url,
    ports: systemPorts,
    ...timeout,
  });
  const calls: CallCounts = { charges: 0, inquiries: 0 };
  // Counted inside the guard: what it holds back has called nobody.
  const counting: Connector = {
    ...inner,
    charge(call) {
      calls.charges += 1;
      return inner.charge(call);
    },
    inquire(call) {
      calls.inquiries += 1;
      return inner.inquire(call);
    },
  };
  const gate = createGate(counting);
  try {
    await confirmSimulator({ simulatorUrl: simulator.url, gate, isRightOne });
  } catch (error) {
    await simulator.stop();
    throw new UserError(error instanceof Error ? `Nothing was done: ${error.message}.` : String(error));
  }
  return { connectors: [createGuardedConnector(gate, { ports: systemPorts })], calls, close: simulator.stop };
}

async function openSimulator(
  config: Config,
  mayShare: boolean,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { simulator } = config;
  if (simulator.kind === "off") {
    throw new UserError(
      "No PSP is configured: set PSP_SIMULATOR_URL, or leave PSP_SIMULATOR_PORT on, as Florin itself has it.",
    );
  }
  if (simulator.kind === "remote") return { url: simulator.url, stop: async () => {} };
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const url = `http://${host}:${simulator.port}`;
  if (mayShare && simulator.port !== 0 && (await isSimulator(url))) return { url, stop: async () => {} };
  return startSimulatorProcess({ port: simulator.port, host: config.host, dataDir: join(config.dataDir, "simulator") });
}

async function isSimulator(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/_sim/faults`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return answer.ok;
  } catch {
    return false;
  }
}
