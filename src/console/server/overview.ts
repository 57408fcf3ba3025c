/** What the overview shows of one merchant, from readings that all its viewers share. */
import type { AnyStateNode } from "xstate";
import { paymentOrderMachine } from "../../../machines/payment-order.ts";
import { formatAmount } from "../../core/money.ts";
import type { Ports } from "../../core/ports.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { RecentOrders } from "../../db/queries/read-recent-orders.ts";
import type { EndpointJudgement } from "../../db/queries/judge-endpoints.ts";
import type { NodeRow } from "../../db/queries/node-statistics.ts";
import type { Standing } from "../../db/queries/read-standing.ts";
import type { CurrencySum } from "../../db/queries/sum-currencies.ts";
import type { OpenStateRow } from "../../db/queries/count-order-states.ts";
import { OWNERSHIP_MS } from "../../engine/ownership.ts";
import { showQueueCounts } from "../../http/views/queue-view.ts";
import type { NodeHealth, Overview, Role, Sample, StateCount } from "../contract.ts";
import { createEndedCounts, type EndedCount } from "./ended-counts.ts";
import { addUp, readFigures } from "./figures.ts";
import { createPaced } from "./paced.ts";

export interface OverviewDeps {
  readonly queries: ConsoleQueries;
  readonly ports: Ports;
  /** This process; and what it did, for the small charts. */
  readonly node: string;
  readonly samples: () => readonly Sample[];
}

export interface Overviews {
  read(merchantId: number, role: Role): Promise<Overview>;
}

const COUNT_EVERY_MS = 900;
/** Books are either right or a catastrophe: no need to add up all wallets each second. */
const BOOKS_EVERY_MS = 5_000;
/** Webhooks come late by minutes, not by seconds. */
const WEBHOOKS_EVERY_MS = 5_000;
const MINUTE_MS = 60_000;
/** How old a merchant's own orders may be that are looked at. */
const MINUTES_MS = 300_000;
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
  readonly standing: () => Promise<Standing>;
  readonly ended: () => Promise<EndedCount>;
  readonly books: () => Promise<readonly CurrencySum[]>;
  readonly webhooks: () => Promise<readonly EndpointJudgement[]>;
  readonly own: () => Promise<OwnReading>;
}

/** What a merchant's newest orders did, and when that was read. */
interface OwnReading {
  readonly atMs: number;
  readonly recent: RecentOrders;
}

export function createOverviews({ queries, ports, node, samples }: OverviewDeps): Overviews {
  const { clock } = ports;
  const merchants = new Map<number, MerchantReadings>();
  let first: number | null = null;
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
      standing: createPaced(() => queries.readStanding(merchantId), counted),
      ended: createEndedCounts(queries, ports, merchantId),
      books: createPaced(() => queries.sumCurrencies(merchantId), { clock, everyMs: BOOKS_EVERY_MS }),
      webhooks: createPaced(() => queries.judgeEndpoints({ merchantId, endpointId: null, nowMs: clock.nowMs() }), {
        clock,
        everyMs: WEBHOOKS_EVERY_MS,
      }),
      own: createPaced(() => readOwn(merchantId), counted),
    };
  }

  async function readOwn(merchantId: number): Promise<OwnReading> {
    const atMs = clock.nowMs();
    const since = { createdSinceMs: atMs - MINUTES_MS, sinceMs: atMs - MINUTE_MS };
    return { atMs, recent: await queries.readRecentOrders({ merchantId, ...since }) };
  }

  /** Whether somebody runs this Florin, and does not only use it: all merchants' figures are theirs to see. */
  async function maySeeAll(merchantId: number, role: Role): Promise<boolean> {
    if (role !== "operator") return false;
    first ??= await queries.findFirstMerchant();
    return merchantId === first;
  }

  async function readMoves(merchantId: number, role: Role): Promise<Moves> {
    return (await maySeeAll(merchantId, role))
      ? showFleet(await nodes(), { node, samples: samples() })
      : showOwn(await readingsOf(merchantId).own());
  }

  return {
    async read(merchantId, role) {
      const readings = readingsOf(merchantId);
      const [{ open, queues }, ended, books, webhooks, moves] = await Promise.all([
        readings.standing(),
        readings.ended(),
        readings.books(),
        readings.webhooks(),
        readMoves(merchantId, role),
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
        webhooks: showWebhooks(webhooks),
        ...moves,
      };
    },
  };
}

type Moves = Pick<
  Overview,
  | "edges"
  | "payments_per_second"
  | "steps_per_second"
  | "success_rate"
  | "batches"
  | "psps"
  | "nodes"
  | "samples"
  | "samples_node"
>;

function showFleet(
  rows: readonly NodeRow[],
  { node, samples }: { readonly node: string; readonly samples: readonly Sample[] },
): Moves {
  const figures = rows.flatMap((row) => (row.isAlive ? (readFigures(row.figures) ?? []) : []));
  const name = rows.find((row) => row.node === node)?.name ?? null;
  return { ...addUp(figures), nodes: rows.map(showNode), samples, samples_node: name };
}

/** A process serves all merchants, so what it measures of itself would tell of the others: only what is the merchant's own. */
function showOwn({ atMs, recent }: OwnReading): Moves {
  const { succeeded, failed, sinceMs, created, edges } = recent;
  const ended = succeeded + failed;
  const recentMs = Math.max(1, atMs - sinceMs);
  return {
    edges: edges.map(({ from, to, steps }) => ({
      from,
      to,
      per_minute: Math.round((steps * 10 * MINUTE_MS) / recentMs) / 10,
    })),
    // A payment in a minute is seen, too.
    payments_per_second: Math.round((created * 100_000) / recentMs) / 100,
    steps_per_second: null,
    success_rate: ended === 0 ? null : Math.round((succeeded / ended) * 10_000) / 10_000,
    batches: null,
    psps: null,
    nodes: null,
    samples: null,
    samples_node: null,
  };
}

function showStates(
  open: readonly OpenStateRow[],
  { succeeded, failed, isComplete }: EndedCount,
): readonly StateCount[] {
  const ended = (state: string, count: number): StateCount => ({
    state,
    count,
    window: "24h",
    is_counting: !isComplete,
    oldest_at: null,
  });
  return [
    ...OPEN_STATES.map((state): StateCount => {
      const row = open.find((one) => one.state === state);
      const oldestAt = row?.oldestAt.toISOString() ?? null;
      return { state, count: row?.orders ?? 0, window: "now", is_counting: false, oldest_at: oldestAt };
    }),
    ended("SUCCESS", succeeded),
    ended("FAILED", failed),
  ];
}

function showWebhooks(endpoints: readonly EndpointJudgement[]): Overview["webhooks"] {
  return {
    failing: endpoints.filter(({ failingSince }) => failingSince !== null).length,
    parked: endpoints.reduce((sum, { parked }) => sum + parked, 0),
    late: endpoints.reduce((sum, { late }) => sum + late, 0),
  };
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
