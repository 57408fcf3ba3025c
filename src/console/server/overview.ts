/** What the overview shows of one merchant, from readings that all its viewers share. */
import type { AnyStateNode } from "xstate";
import { paymentOrderMachine } from "../../../machines/payment-order.ts";
import { formatAmount } from "../../core/money.ts";
import type { Ports } from "../../core/ports.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { QueueCountRow } from "../../db/queries/count-queues.ts";
import type { NodeRow } from "../../db/queries/node-statistics.ts";
import type { CurrencySum } from "../../db/queries/sum-currencies.ts";
import type { OpenStateRow, SpanCount } from "../../db/queries/count-order-states.ts";
import { OWNERSHIP_MS } from "../../engine/ownership.ts";
import { showQueueCounts } from "../../http/views/queue-view.ts";
import type { NodeHealth, Overview, Role, Sample, StateCount } from "../contract.ts";
import { createEndedCounts, type EndedCount } from "./ended-counts.ts";
import { addUp, type FleetFigures, readFigures } from "./figures.ts";
import { createPaced } from "./paced.ts";

export interface OverviewDeps {
  readonly queries: ConsoleQueries;
  readonly ports: Ports;
  /** Of this process; for the small charts. */
  readonly samples: () => readonly Sample[];
}

export interface Overviews {
  read(merchantId: number, role: Role): Promise<Overview>;
}

const COUNT_EVERY_MS = 900;
/** Books are either right or a catastrophe: no need to add up all wallets each second. */
const BOOKS_EVERY_MS = 5_000;
const MINUTE_MS = 60_000;
/** Clocks of nodes differ a little. */
const AHEAD_MS = 2_000;
/** Merchants that somebody looked at; more than that are forgotten, the longest unseen first. */
const MAX_MERCHANTS = 1_000;
/** Where an order may stand that has not ended; as the machine says. */
const OPEN_STATES = leavesOf(paymentOrderMachine.root)
  .filter(({ tags }) => !tags.includes("terminal"))
  .map(({ path }) => path.join("."));

function leavesOf(node: AnyStateNode): readonly AnyStateNode[] {
  const children = Object.values(node.states);
  return children.length === 0 ? [node] : children.flatMap(leavesOf);
}

interface MerchantReadings {
  readonly open: () => Promise<readonly OpenStateRow[]>;
  readonly ended: () => Promise<EndedCount>;
  readonly queues: () => Promise<readonly QueueCountRow[]>;
  readonly books: () => Promise<readonly CurrencySum[]>;
  readonly lastMinute: () => Promise<readonly SpanCount[]>;
}

export function createOverviews({ queries, ports, samples }: OverviewDeps): Overviews {
  const { clock } = ports;
  const merchants = new Map<number, MerchantReadings>();
  const nodes = createPaced(() => queries.listNodes(OWNERSHIP_MS), { clock, everyMs: COUNT_EVERY_MS });

  function readingsOf(merchantId: number): MerchantReadings {
    const known = merchants.get(merchantId);
    const readings = known ?? createReadings(merchantId);
    // Put last: the first ones are those that were not asked for longest.
    merchants.delete(merchantId);
    merchants.set(merchantId, readings);
    const [oldest] = merchants.keys();
    if (merchants.size > MAX_MERCHANTS && oldest !== undefined) merchants.delete(oldest);
    return readings;
  }

  function createReadings(merchantId: number): MerchantReadings {
    const counted = { clock, everyMs: COUNT_EVERY_MS };
    return {
      open: createPaced(() => queries.countOpenStates(merchantId), counted),
      ended: createEndedCounts(queries, ports, merchantId),
      queues: createPaced(() => queries.countQueues(merchantId), counted),
      books: createPaced(() => queries.sumCurrencies(merchantId), { clock, everyMs: BOOKS_EVERY_MS }),
      lastMinute: createPaced(() => {
        const nowMs = clock.nowMs();
        return queries.countCreated(merchantId, [{ fromMs: nowMs - MINUTE_MS, toMs: nowMs + AHEAD_MS }]);
      }, counted),
    };
  }

  return {
    async read(merchantId, role) {
      const readings = readingsOf(merchantId);
      const isOperator = role === "operator";
      const [open, ended, queues, books, nodeRows, lastMinute] = await Promise.all([
        readings.open(),
        readings.ended(),
        readings.queues(),
        readings.books(),
        isOperator ? nodes() : [],
        isOperator ? [] : readings.lastMinute(),
      ]);
      const nowMs = clock.nowMs();
      return {
        at: new Date(nowMs).toISOString(),
        states: showStates(open, ended),
        queues: showQueueCounts(queues, nowMs),
        trial_balance: {
          is_balanced: books.every(({ difference }) => difference === 0n),
          currencies: books.map(({ currency, difference }) => ({
            currency,
            difference: formatAmount(difference, currency),
          })),
        },
        ...(isOperator ? showFleet(nodeRows, samples()) : showOwn(lastMinute[0])),
      };
    },
  };
}

type ProcessWide = FleetFigures & Pick<Overview, "nodes" | "samples">;

function showFleet(rows: readonly NodeRow[], samples: readonly Sample[]): ProcessWide {
  const figures = rows.flatMap((row) => (row.isAlive ? (readFigures(row.figures) ?? []) : []));
  return { ...addUp(figures), nodes: rows.map(showNode), samples };
}

/** A reader must not see what other merchants do, and a process serves them all: only what is the merchant's own. */
function showOwn(lastMinute: SpanCount | undefined): ProcessWide {
  const { succeeded = 0, failed = 0, open = 0 } = lastMinute ?? {};
  const ended = succeeded + failed;
  return {
    edges: [],
    payments_per_second: Math.round(((ended + open) * 10_000) / MINUTE_MS) / 10,
    steps_per_second: 0,
    success_rate: ended === 0 ? null : Math.round((succeeded / ended) * 10_000) / 10_000,
    batches: { per_second: 0, items_mean: null, ms_mean: null },
    psps: [],
    nodes: [],
    samples: [],
  };
}

function showStates(open: readonly OpenStateRow[], { succeeded, failed }: EndedCount): readonly StateCount[] {
  const ended = (state: string, count: number): StateCount => ({ state, count, window: "24h", oldest_at: null });
  return [
    ...OPEN_STATES.map((state): StateCount => {
      const row = open.find((one) => one.state === state);
      return { state, count: row?.orders ?? 0, window: "now", oldest_at: row?.oldestAt.toISOString() ?? null };
    }),
    ended("SUCCESS", succeeded),
    ended("FAILED", failed),
  ];
}

function showNode(row: NodeRow): NodeHealth {
  return {
    node: row.node,
    name: row.name,
    started_at: row.startedAt.toISOString(),
    heartbeat_at: row.heartbeatAt.toISOString(),
    is_alive: row.isAlive,
  };
}
