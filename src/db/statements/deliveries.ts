/** Webhook deliveries: claimed, sent and written down in groups, by any node. */
import type { Sql } from "../client.ts";
import type { StoredEvent } from "./events.ts";

export interface ClaimedDelivery {
  readonly merchantId: number;
  readonly id: string;
  readonly endpointId: string;
  readonly claim: string;
  /** Attempts that failed since it was last put on its schedule. */
  readonly failures: number;
  /** Number of the attempt that is to be made now, from 1. */
  readonly attempt: number;
  readonly url: string;
  readonly secretGeneration: number;
  /** Earlier secrets that still sign, newest first. */
  readonly retiringGenerations: readonly number[];
  readonly event: StoredEvent;
}

/** How many more deliveries of an endpoint the node can take now. */
export interface EndpointPlaces {
  readonly endpointId: string;
  readonly free: number;
}

/** What of a merchant the node has under way, as far as it counts against the merchant's share. */
export interface MerchantAttempts {
  readonly merchantId: number;
  readonly attempts: number;
}

export interface ClaimRequest {
  readonly claim: string;
  readonly limit: number;
  /** A claim runs out after this, on the database's clock. */
  readonly visibleMs: number;
  /** Places of an endpoint that `places` does not name. */
  readonly defaultPlaces: number;
  readonly places: readonly EndpointPlaces[];
  /** One merchant has no more than this under way. */
  readonly merchantShare: number;
  readonly underWay: readonly MerchantAttempts[];
}

interface ClaimedRow {
  readonly merchant_id: number;
  readonly id: string;
  readonly endpoint_id: string;
  readonly failures: number;
  readonly attempts: number;
  readonly url: string;
  readonly secret_generation: number;
  readonly retiring_generations: readonly number[] | null;
  readonly event_id: string;
  readonly event_type: string;
  readonly event_created_at: Date;
  readonly order_version: number | null;
  readonly data: string;
  readonly buyer_info: string | null;
}

/**
 * Due deliveries, in the order of their events; those of one endpoint no more than it has places, and first those of
 * merchants that have the least under way.
 */
export async function claimDeliveries(sql: Sql, request: ClaimRequest): Promise<readonly ClaimedDelivery[]> {
  const { claim, limit, visibleMs, defaultPlaces, merchantShare } = request;
  const places = Object.fromEntries(request.places.map(({ endpointId, free }) => [endpointId, free]));
  const underWay = Object.fromEntries(request.underWay.map(({ merchantId, attempts }) => [merchantId, attempts]));
  const rows = await sql<ClaimedRow[]>`
    SELECT * FROM claim_deliveries(${claim}::uuid, ${limit}::int, ${visibleMs}::int, ${defaultPlaces}::int,
      ${JSON.stringify(places)}::text::jsonb, ${merchantShare}::int, ${JSON.stringify(underWay)}::text::jsonb)`;
  return rows.map((row) => ({
    merchantId: row.merchant_id,
    id: row.id,
    endpointId: row.endpoint_id,
    claim,
    failures: row.failures,
    attempt: row.attempts,
    url: row.url,
    secretGeneration: row.secret_generation,
    retiringGenerations: row.retiring_generations ?? [],
    event: {
      merchantId: row.merchant_id,
      id: row.event_id,
      type: row.event_type,
      orderVersion: row.order_version,
      createdAt: row.event_created_at,
      data: row.data,
      buyerInfo: row.buyer_info,
    },
  }));
}

export interface AttemptResult {
  readonly merchantId: number;
  readonly id: string;
  readonly claim: string;
  readonly attempt: number;
  readonly outcome: "delivered" | "failed" | "parked";
  /** Until the next attempt; 0 when there is none. */
  readonly nextInMs: number;
  /** HTTP status; null when no answer came. */
  readonly status: number | null;
  readonly latencyMs: number;
  readonly error: string | null;
  readonly excerpt: string | null;
}

export async function recordAttempts(sql: Sql, node: string, results: readonly AttemptResult[]): Promise<void> {
  const rows = results.map(({ merchantId, nextInMs, latencyMs, ...rest }) => ({
    ...rest,
    merchant_id: merchantId,
    next_in_ms: nextInMs,
    latency_ms: latencyMs,
  }));
  await sql`SELECT record_attempts(${node}::uuid, ${JSON.stringify(rows)}::text::json)`;
}

/** Gives claims back whose attempt was not begun: they are due at once, for any node. */
export async function releaseDeliveries(
  sql: Sql,
  claims: readonly Pick<ClaimedDelivery, "merchantId" | "id" | "claim">[],
): Promise<void> {
  const rows = claims.map(({ merchantId, id, claim }) => ({ merchant_id: merchantId, id, claim }));
  await sql`
    UPDATE deliveries d SET claim = NULL, attempts = d.attempts - 1, next_attempt_at = now()
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS r(merchant_id integer, id uuid, claim uuid)
    WHERE d.merchant_id = r.merchant_id AND d.id = r.id AND d.claim = r.claim AND d.status = 'due'`;
}

/** An endpoint as it was called: what the server behind a URL says is not said of the one that came in its place. */
export type CalledEndpoint = Pick<ClaimedDelivery, "merchantId" | "endpointId" | "url">;

/** For an endpoint that says that it is gone: nothing goes there until the merchant enables it again. */
export async function disableGoneEndpoint(sql: Sql, { merchantId, endpointId, url }: CalledEndpoint): Promise<void> {
  await sql`
    UPDATE webhook_endpoints SET enabled = false, disabled_reason = 'gone', updated_at = now()
    WHERE merchant_id = ${merchantId} AND id = ${endpointId} AND url = ${url} AND enabled AND deleted_at IS NULL`;
}

/** For an endpoint that asks to be left alone: none of its deliveries is begun before. */
export async function holdEndpoint(
  sql: Sql,
  { merchantId, endpointId, url }: CalledEndpoint,
  forMs: number,
): Promise<void> {
  await sql`
    UPDATE webhook_endpoints SET not_before = now() + ${forMs}::float8 * interval '1 ms'
    WHERE merchant_id = ${merchantId} AND id = ${endpointId} AND url = ${url}
      AND coalesce(not_before < now() + ${forMs - HOLD_SLACK_MS}::float8 * interval '1 ms', true)`;
}

/** Answers of the same moment that say the same write the endpoint's row once. */
const HOLD_SLACK_MS = 1_000;

/**
 * Ends deliveries that wait in vain: for an endpoint that is deleted or gone, or for longer than `maxAgeMs`. At most so
 * many at a time; how many.
 */
export async function endDeliveries(sql: Sql, limit: number, maxAgeMs: number): Promise<number> {
  const [row] = await sql<{ ended: number }[]>`SELECT end_deliveries(${limit}::int, ${maxAgeMs}::float8) AS ended`;
  return row?.ended ?? 0;
}

export interface DeliveryCount {
  readonly status: "due" | "parked";
  readonly count: number;
}

/** Over all merchants, for the metrics. */
export async function countDeliveries(sql: Sql): Promise<readonly DeliveryCount[]> {
  return sql<DeliveryCount[]>`
    SELECT 'due' AS status, count(*)::int AS count FROM deliveries WHERE status = 'due'
    UNION ALL
    SELECT 'parked', count(*)::int FROM deliveries WHERE status = 'parked'`;
}
