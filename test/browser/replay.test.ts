/** The pages' time travel and what it says of an order, against the machine itself. */
import { initialTransition, transition } from "xstate";
import { describe, expect, test } from "vitest";
import { paymentOrderMachine } from "../../machines/payment-order.ts";
import type { PaymentOrderEvent, PaymentOrderInput } from "../../machines/payment-order-types.ts";
import type { ChartEdge, MachineChart, OrderHistory } from "../../src/console/contract.ts";
import { findEdge } from "../../src/console/client/chart/find-edge.ts";
import { compareContexts } from "../../src/console/client/replay/compare-contexts.ts";
import { moneyAt } from "../../src/console/client/replay/context-money.ts";
import { nameOf, replayOrder } from "../../src/console/client/replay/replay.ts";
import { findProspects, judgeEdges, type Prospects } from "../../src/console/client/replay/what-may-happen.ts";
import { GUARD_SAYS_NO } from "../../src/console/client/replay/why-not.ts";

const INPUT: PaymentOrderInput = {
  amount: "10000",
  platformFee: "300",
  currency: "USD",
  psp: "simulator",
  policy: "swift",
  settleTimeMs: 5_000,
  keyLifetimeMs: 86_400_000,
};

const at = (second: number) => ({ at: Date.UTC(2026, 0, 1, 12, 0, second), jitter: 0.5 });
const answer = { source: "answer", operation: 1, attempt: 1 } as const;
const started: PaymentOrderEvent = { type: "order.started", ...at(0) };
const unknown: PaymentOrderEvent = { type: "psp.unknown", reason: "timeout", ...answer, ...at(2) };
const succeeded: PaymentOrderEvent = {
  type: "psp.succeeded",
  captured: true,
  reference: "ch_1",
  amount: "10000",
  currency: "USD",
  ...answer,
  source: "inquiry",
  attempt: 2,
  ...at(3),
};
const wrongAmount: PaymentOrderEvent = { ...succeeded, amount: "9999", source: "answer", attempt: 1, ...at(1) };

/** What the engine would have stored for these events. */
function toHistory(events: readonly PaymentOrderEvent[]): OrderHistory {
  let [snapshot] = initialTransition(paymentOrderMachine, INPUT);
  const transitions = events.map((event, index) => {
    const from = nameOf(snapshot);
    [snapshot] = transition(paymentOrderMachine, snapshot, event);
    return {
      seq: index + 1,
      at: new Date(event.at).toISOString(),
      from,
      to: nameOf(snapshot),
      event: { ...event },
      node: "n1",
    };
  });
  return { machine: { id: "paymentOrder", version: 1 }, input: { ...INPUT }, transitions };
}

function replayed(events: readonly PaymentOrderEvent[]) {
  const replay = replayOrder(toHistory(events));
  if (replay.kind !== "replayed") throw new Error(replay.reason);
  return replay.steps;
}

/** The machine's states and arrows, without places: what is drawn is made of the same. */
function chartOf(): MachineChart {
  const nodes: MachineChart["nodes"][number][] = [];
  const edges = new Map<string, ChartEdge>();
  const box = { x: 0, y: 0, width: 1, height: 1 };
  const visit = (node: typeof paymentOrderMachine.root): void => {
    const id = node.path.join(".");
    if (id !== "") {
      const parent = node.path.length > 1 ? node.path.slice(0, -1).join(".") : null;
      const isInitial = node.parent?.config.initial === node.key;
      nodes.push({ ...box, id, label: node.key, description: "", tags: node.tags, parent, is_initial: isInitial });
    }
    for (const [event, candidates] of node.transitions) {
      for (const { target = [node], guard } of candidates) {
        for (const { path } of target) {
          const key = `${id} → ${path.join(".")}`;
          const known = edges.get(key);
          const name =
            typeof guard === "object" && "type" in guard ? guard.type : guard === undefined ? null : String(guard);
          edges.set(key, {
            id: key,
            from: id,
            to: path.join("."),
            events: [...(known?.events ?? []), { event, guard: name, actions: [] }],
            points: [],
            label: null,
          });
        }
      }
    }
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(paymentOrderMachine.root);
  return { id: "paymentOrder", version: 1, width: 1, height: 1, nodes, edges: [...edges.values()] };
}

const chart = chartOf();

function prospectsAfter(events: readonly PaymentOrderEvent[]): Prospects {
  const snapshot = replayed(events).at(-1)?.snapshot;
  if (snapshot === undefined) throw new Error("no step");
  return findProspects(chart, snapshot, at(30).at);
}

describe("a replay", () => {
  test("comes through every state that was stored", () => {
    const steps = replayed([started, unknown, succeeded]);
    expect(steps.map(({ state }) => state)).toEqual([
      "NOT_STARTED",
      "EXECUTING.sending",
      "EXECUTING.resolving",
      "SUCCESS",
    ]);
    expect(steps.every(({ isFaithful }) => isFaithful)).toBe(true);
  });

  test("tells what the machine wanted done at each step", () => {
    const effects = replayed([started, unknown, succeeded]).map((step) => step.effects.map(({ type }) => type));
    expect(effects).toEqual([[], ["charge"], ["inquire"], ["post", "announce"]]);
  });

  test("says so when what was stored is not what the machine does", () => {
    const history = toHistory([started, unknown]);
    const forged = history.transitions.map((step) => (step.seq === 2 ? { ...step, to: "SUCCESS" } : step));
    const replay = replayOrder({ ...history, transitions: forged });
    expect(replay.kind === "replayed" && replay.steps.map(({ isFaithful }) => isFaithful)).toEqual([true, true, false]);
  });

  test("of another machine version is refused, with the reason", () => {
    const replay = replayOrder({ ...toHistory([started]), machine: { id: "paymentOrder", version: 99 } });
    expect(replay).toMatchObject({ kind: "impossible", reason: expect.stringContaining("version 99") });
  });

  test("of an event that the machine does not know is refused, with the reason", () => {
    const history = toHistory([started]);
    const strange = history.transitions.map((step) => ({ ...step, event: { type: "order.teleported", at: 0 } }));
    expect(replayOrder({ ...history, transitions: strange })).toMatchObject({
      kind: "impossible",
      reason: expect.stringContaining("order.teleported"),
    });
  });
});

test("a difference names each member that changed, also of an object that came or went", () => {
  const before = { attempt: 1, call: null, late: [], timer: { name: "poll", dueAt: 5 } };
  const after = { attempt: 2, call: { attempt: 2, at: 7 }, late: [], timer: null };
  expect(compareContexts(before, after)).toEqual([
    { path: "attempt", before: 1, after: 2 },
    { path: "call.attempt", before: undefined, after: 2 },
    { path: "call.at", before: undefined, after: 7 },
    { path: "timer.name", before: "poll", after: undefined },
    { path: "timer.dueAt", before: 5, after: undefined },
  ]);
});

describe("what may happen", () => {
  test("leads from an unknown outcome to what the PSP may say, but never to a blind second send", () => {
    const { possible } = prospectsAfter([started, unknown]);
    const ways = new Set(possible.map(({ to }) => to));
    expect(ways).toEqual(
      new Set([
        "SUCCESS",
        "FAILED",
        "EXECUTING.parked",
        "EXECUTING.authorized",
        "EXECUTING.pending",
        "EXECUTING.retrying",
        "EXECUTING.resolving",
      ]),
    );
  });

  test("does not let an operator fail an order that the PSP holds money for, and says why", () => {
    const { possible, impossible } = prospectsAfter([started, wrongAmount]);
    expect(possible.map(({ what }) => what)).toContain("resolves it to succeeded");
    expect(impossible.find(({ what }) => what === "resolves it to failed")?.reason).toContain(
      "the PSP holds money for it",
    );
  });

  test("gives every arrow of the chart a verdict with a reason", () => {
    const snapshot = replayed([started, unknown]).at(-1)?.snapshot;
    if (snapshot === undefined) throw new Error("no step");
    const verdicts = judgeEdges(chart, snapshot, findProspects(chart, snapshot, at(30).at));
    expect(verdicts.length).toBe(chart.edges.length);
    expect(verdicts.filter(({ reason }) => reason === "")).toEqual([]);
    expect(verdicts.filter(({ isPossible }) => isPossible).map(({ edge }) => edge.from)).not.toContain("NOT_STARTED");
  });

  test("finds an arrow for every move, whatever the order's state", () => {
    const lives = [[], [started], [started, unknown], [started, wrongAmount], [started, unknown, succeeded]];
    const lost = lives.flatMap((life) => prospectsAfter(life).possible).filter(({ edge }) => edge === null);
    expect(lost).toEqual([]);
  });
});

test("every guard of the chart can say in words why it says no, and no words are left over", () => {
  const guards = chart.edges.flatMap(({ events }) => events.flatMap(({ guard }) => (guard === null ? [] : [guard])));
  expect(Object.keys(GUARD_SAYS_NO).toSorted()).toEqual([...new Set(guards)].toSorted());
});

describe("a stored move is found on the chart", () => {
  test.each([
    ["NOT_STARTED", "EXECUTING.sending", "order.started", "NOT_STARTED → EXECUTING"],
    ["EXECUTING.sending", "SUCCESS", "psp.succeeded", "EXECUTING → SUCCESS"],
    ["EXECUTING.parked", "SUCCESS", "order.resolve", "EXECUTING.parked → SUCCESS"],
    ["EXECUTING.pending", "EXECUTING.pending", "timer.fired", "EXECUTING.pending → EXECUTING.pending"],
  ])("%s to %s on %s", (from, to, event, id) => {
    expect(findEdge(chart, { from, to, event })?.id).toBe(id);
  });
});

describe("money in an order's memory", () => {
  test("is read in major units of its own currency, also what the PSP holds and what came late", () => {
    const { snapshot } = replayed([started, wrongAmount]).at(-1) ?? {};
    const context = { ...snapshot?.context, late: [{ reference: "ch_2", amount: "500", currency: "JPY" }] };
    expect(moneyAt("held.amount", context.held?.amount, context)).toEqual([{ amount: "99.99", currency: "USD" }]);
    expect(moneyAt("captured", context.captured, context)).toEqual([{ amount: "0.00", currency: "USD" }]);
    expect(moneyAt("late", context.late, context)).toEqual([{ amount: "500", currency: "JPY" }]);
    const held = { held: { amount: "1234", currency: "KWD" }, currency: "USD" };
    expect(moneyAt("held.amount", "1234", held)).toEqual([{ amount: "1.234", currency: "KWD" }]);
  });

  test.each([
    ["reference", "1235"],
    ["held.amount", null],
    ["attempt", 2],
    ["late", []],
  ])("is not what lies at %s as %j", (path, value) => {
    expect(moneyAt(path, value, { currency: "USD" })).toBeNull();
  });
});
