import { systemPorts } from "../../src/core/ports.ts";
import { createGuardedConnector } from "../../src/psp/guarded-connector.ts";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";
import { describeConnectorContract } from "./connector-contract.ts";
import { startSimulatorUnderTest } from "./simulator-under-test.ts";

const simulatorTokens = {
  succeeds: "pm_card_visa",
  declines: "pm_card_chargeDeclined",
  pends: "sim_pending_forever",
  neverAnswers: "sim_timeout_charged",
};

describeConnectorContract("the simulator", {
  start: startSimulatorUnderTest,
  remembers: true,
  tokens: simulatorTokens,
});

describeConnectorContract("the guarded simulator", {
  async start() {
    const { connector, close } = await startSimulatorUnderTest();
    return { connector: createGuardedConnector(connector, { ports: systemPorts }), close };
  },
  remembers: true,
  tokens: simulatorTokens,
});

describeConnectorContract("the instant PSP", {
  start: async () => ({ connector: createInstantConnector({ account: "instant" }), close: async () => {} }),
  remembers: false,
  tokens: { succeeds: "pm_card_visa" },
});
