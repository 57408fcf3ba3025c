/** Whether a merchant's webhooks arrive. Bounded whatever the backlog: an answer for people, on every overview. */
import { sql } from "../drizzle.ts";
import type { Database } from "./database.ts";
import { firstIdAt } from "./uuid-range.ts";

export interface EndpointJudgement {
  readonly id: string;
  /** Since when every attempt failed; null while the newest ones arrive, and before there was one. */
  readonly failingSince: Date | null;
  /** Deliveries that were given up, of the last days. */
  readonly parked: number;
  /** Deliveries that have been due for minutes. */
  readonly late: number;
}

export interface JudgementQuestion {
  readonly merchantId: number;
  /** One endpoint; null for the newest ones that are enabled. */
  readonly endpointId: string | null;
  readonly nowMs: number;
}

const MAX_ENDPOINTS = 200;
/** Deliveries of an endpoint whose newest attempts are looked at. */
const SAMPLE = 20;
/** Beyond so many that nobody has tried yet it is the backlog that is told of. */
const MAX_LOOKED_AT = 300;
/** One event that an endpoint dislikes is not the endpoint failing. */
const FAILURES_IN_A_ROW = 3;
const MAX_COUNTED = 1_000;
/** What was given up longer ago is history: nobody can take it off the list but by sending it. */
const PARKED_WITHIN_MS = 7 * 24 * 60 * 60 * 1_000;
/** By then a first and a second attempt after five minutes have failed, or nobody sends. */
const LATE_AFTER_MS = 6 * 60 * 1_000;

export async function judgeEndpoints(
  db: Database,
  { merchantId, endpointId, nowMs }: JudgementQuestion,
): Promise<readonly EndpointJudgement[]> {
  const lateBefore = new Date(nowMs - LATE_AFTER_MS).toISOString();
  const rows = await db.execute<{ id: string; failing_ms: string | null; parked: number; late: number }>(sql`
    SELECT e.id, parked.n AS parked, late.n AS late,
      (extract(epoch FROM CASE
        WHEN run.ok_at IS NULL THEN run.created_at
        WHEN run.failures >= ${FAILURES_IN_A_ROW}::int THEN run.failed_at
      END) * 1000)::bigint::text AS failing_ms
    FROM (
      SELECT merchant_id, id FROM webhook_endpoints
      WHERE merchant_id = ${merchantId} AND deleted_at IS NULL
        AND CASE WHEN ${endpointId}::uuid IS NULL THEN enabled ELSE id = ${endpointId}::uuid END
      ORDER BY id DESC LIMIT ${MAX_ENDPOINTS}
    ) e
    CROSS JOIN LATERAL (
      WITH tried AS MATERIALIZED (
        SELECT created_at, last_attempt_at, last_error FROM (
          SELECT id, created_at, last_attempt_at, last_error FROM deliveries
          WHERE merchant_id = e.merchant_id AND endpoint_id = e.id ORDER BY id DESC LIMIT ${MAX_LOOKED_AT}
        ) newest
        WHERE last_attempt_at IS NOT NULL
        ORDER BY id DESC LIMIT ${SAMPLE}
      ), arrived AS (
        SELECT max(last_attempt_at) AS ok_at FROM tried WHERE last_error IS NULL
      )
      SELECT a.ok_at, count(t.*)::int AS failures, min(t.created_at) AS created_at, min(t.last_attempt_at) AS failed_at
      FROM arrived a LEFT JOIN tried t ON t.last_error IS NOT NULL AND (a.ok_at IS NULL OR t.last_attempt_at > a.ok_at)
      GROUP BY a.ok_at
    ) run
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS n FROM (
        SELECT FROM deliveries WHERE merchant_id = e.merchant_id AND endpoint_id = e.id AND status = 'parked'
          AND id >= ${firstIdAt(nowMs - PARKED_WITHIN_MS)}::uuid LIMIT ${MAX_COUNTED}
      ) given_up
    ) parked
    CROSS JOIN LATERAL (
      SELECT (count(*) FILTER (WHERE created_at < ${lateBefore}::timestamptz))::int AS n FROM (
        SELECT created_at FROM deliveries WHERE merchant_id = e.merchant_id AND endpoint_id = e.id AND status = 'due'
        ORDER BY next_attempt_at LIMIT ${MAX_COUNTED}
      ) waiting
    ) late
    ORDER BY e.id DESC`);
  return rows.map(({ id, failing_ms: ms, parked, late }) => ({
    id,
    failingSince: ms === null ? null : new Date(Number(ms)),
    parked,
    late,
  }));
}
