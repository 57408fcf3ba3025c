/** At rest, everybody who asks is told what is in the rows: order, timeline, explanation, queues and balance. */
import type { Merchant } from "./client-calls.ts";
import { toMajor } from "./minor-units.ts";
import type { ModelDatabase, OrderRow } from "./model-contract.ts";
import type { SimulatedNode } from "./node.ts";
import type { World } from "./world.ts";

export interface ReaderParts {
  readonly world: World;
  readonly nodes: readonly SimulatedNode[];
  readonly merchants: readonly Merchant[];
  readonly model: ModelDatabase;
}

interface OrderSeen {
  readonly status: string;
  readonly phase: string | null;
  readonly version: number;
  readonly seller_account: string;
  readonly amount: string;
  readonly amount_captured: string;
  readonly currency: string;
  readonly psp: string;
  readonly psp_reference: string | null;
  readonly ledger_updated: boolean;
  readonly wallet_updated: boolean;
}

interface TimelineSeen {
  readonly data: readonly { readonly kind: string; readonly at: string }[];
}

interface BalanceSeen {
  readonly currencies: readonly { readonly currency: string; readonly debits: string; readonly difference: string }[];
}

/** A statement may be slow, none is lost any more. */
const MAX_TRIES = 20;
const PAUSE_MS = 500;

export async function compareReads({ world, nodes, merchants, model }: ReaderParts): Promise<void> {
  const { tables } = model;

  async function get(merchant: Merchant, path: string): Promise<unknown> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const node = world.pick(
        "reader",
        nodes.filter((one) => one.isReady()),
      );
      const answer = await node.request(path, { headers: { authorization: `Bearer ${merchant.secret}` } });
      if (answer?.status === 200) return JSON.parse(answer.text);
      if (answer !== null && answer.status !== 503) {
        world.fail("readers see the rows", `GET ${path} was answered ${answer.status}`);
        return null;
      }
      await world.timeline.sleep(PAUSE_MS);
    }
    world.fail("readers see the rows", `GET ${path} is not answered`);
    return null;
  }

  function check(row: OrderRow, isSo: boolean, what: string): void {
    if (!isSo) world.fail("readers see the rows", `${row.paymentOrderId}: ${what}`, row.id);
  }

  async function readOrder(merchant: Merchant, name: string, row: OrderRow): Promise<void> {
    const path = `/v1/payments/${row.paymentOrderId}`;
    const before = row.version;
    const order = (await get(merchant, path)) as OrderSeen | null;
    const timeline = (await get(merchant, `${path}/timeline`)) as TimelineSeen | null;
    const explained = (await get(merchant, `${path}/explain`)) as { readonly state: string } | null;
    if (order === null || timeline === null || explained === null) return;
    // Whoever reads an order that waits makes Florin ask the PSP: by now it may be a step further.
    if (row.version !== before) return world.probe("an order moved while it was read");
    check(
      row,
      order.status === row.status &&
        order.phase === row.phase &&
        order.version === row.revision &&
        order.seller_account === row.sellerAccount &&
        order.amount === toMajor(row.amount, row.currency) &&
        order.amount_captured === toMajor(row.amountCaptured, row.currency) &&
        order.currency === row.currency &&
        order.psp === row.psp &&
        order.psp_reference === row.pspReference &&
        order.ledger_updated === row.ledgerUpdated &&
        order.wallet_updated === row.walletUpdated,
      `it is told as ${JSON.stringify(order).slice(0, 300)}`,
    );
    check(
      row,
      explained.state === (row.phase === null ? row.status : `${row.status}.${row.phase}`),
      `it is explained as ${explained.state}`,
    );
    const told = (kind: string): number => timeline.data.filter((line) => line.kind === kind).length;
    const rows = {
      attempt: tables.attempts.get(name)?.length ?? 0,
      posting: tables.postings.get(name)?.length ?? 0,
      webhook: [...tables.inbox.values()].filter(({ actorId }) => actorId === row.id).length,
    };
    for (const [kind, count] of Object.entries(rows)) {
      check(row, told(kind) === count, `${count} rows of ${kind} are told as ${told(kind)}`);
    }
    const steps = told("transition");
    check(row, steps === row.version, `${row.version} steps are told as ${steps}`);
    const events = tables.events.filter(({ subjectId }) => subjectId === row.id).length;
    check(row, told("event") >= events, `${events} events are told as ${told("event")}`);
    const times = timeline.data.map(({ at }) => at);
    check(row, times.join() === times.toSorted().join(), "its timeline is not in order");
  }

  for (const merchant of merchants) {
    for (const [name, row] of tables.orders) {
      if (row.merchantId === merchant.merchantId) await readOrder(merchant, name, row);
    }
    const balance = (await get(merchant, "/v1/ledger/trial-balance")) as BalanceSeen | null;
    for (const { currency, difference } of balance?.currencies ?? []) {
      if (!/^-?0(\.0+)?$/.test(difference)) {
        world.fail("readers see the rows", `the balance of ${currency} is told to be off by ${difference}`);
      }
    }
  }
}
