/** The overview, once and live; how webhooks arrive; and the audit log. */
import { fromPublicId, toPublicId, toUuid } from "../../core/ids.ts";
import type { Clock } from "../../core/ports.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { AuditRow } from "../../db/queries/audit-log.ts";
import type { EndpointJudgement } from "../../db/queries/judge-endpoints.ts";
import { sendEventStream, sendJson } from "../../http/answers.ts";
import { type Cursors, toPage } from "../../http/cursors.ts";
import { notFound } from "../../http/read-query.ts";
import type { AuditEntry, EndpointsHealth } from "../contract.ts";
import type { ConsoleRouter } from "./console-router.ts";
import type { Live } from "./live.ts";
import type { Overviews } from "./overview.ts";

const AUDIT_PAGE = 50;

export interface OverviewRouteDeps {
  readonly overviews: Overviews;
  readonly live: Live;
  readonly queries: ConsoleQueries;
  readonly cursors: Cursors;
  readonly clock: Clock;
}

export function addOverviewRoutes(
  router: ConsoleRouter,
  { overviews, live, queries, cursors, clock }: OverviewRouteDeps,
): void {
  router.signedIn("GET", "/console/api/overview", "payments:read", async (c, { merchantId, role }) =>
    sendJson(c, await overviews.read(merchantId, role)),
  );

  router.signedIn("GET", "/console/api/live", "payments:read", (c, { merchantId, role, tokenHash }) => {
    // Hono answers HEAD by way of GET, and nobody would ever read that stream to its end.
    if (c.req.raw.method === "HEAD") return sendEventStream(c, null);
    const stream = live.open({
      merchantId,
      role,
      session: Buffer.from(tokenHash).toString("base64url"),
      mayGoOn: async () => (await queries.findSession(tokenHash)) !== null,
    });
    return sendEventStream(c, stream);
  });

  router.signedIn("GET", "/console/api/endpoints", "payments:read", async (c, { merchantId }) => {
    const asked = c.req.query("endpoint_id");
    const endpointId = asked === undefined ? null : fromPublicId("whe", asked);
    if (asked !== undefined && endpointId === null) throw notFound("There is no webhook endpoint with this id.");
    const endpoints = await queries.judgeEndpoints({ merchantId, endpointId, nowMs: clock.nowMs() });
    return sendJson(c, { data: endpoints.map(showEndpoint) } satisfies EndpointsHealth);
  });

  router.signedIn("GET", "/console/api/audit", "payments:read", async (c, { merchantId }) => {
    const scope = { list: "console/audit", merchantId };
    const cursor = c.req.query("cursor");
    const beforeId = cursor === undefined ? null : (cursors.decode(scope, cursor)[0] ?? null);
    const rows = await queries.listAudit({ merchantId, beforeId, limit: AUDIT_PAGE + 1 });
    return sendJson(
      c,
      toPage(rows, AUDIT_PAGE, { show: showAudit, toCursor: ({ id }) => cursors.encode(scope, [id]) }),
    );
  });
}

function showEndpoint({ id, failingSince }: EndpointJudgement): EndpointsHealth["data"][number] {
  return { endpoint_id: toPublicId("whe", toUuid(id)), failing_since: failingSince?.toISOString() ?? null };
}

function showAudit({ id, at, keyName, lastFour, via, action, subject, reason, status }: AuditRow): AuditEntry {
  const who = keyName === null ? "a key that is gone" : `${keyName} (…${lastFour})`;
  return { id, at: at.toISOString(), who, via, action, subject, reason, status };
}
