/** The HTTP front, put together by hand: what it uses is handed in. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { createAudit } from "./audit.ts";
import { createAuthentication } from "./authenticate.ts";
import { createCursors } from "./cursors.ts";
import type { HttpDeps } from "./http-deps.ts";
import type { HttpEnv } from "./http-env.ts";
import { guardAddress, observeRequests } from "./observe.ts";
import { createErrorAnswerer } from "./problems.ts";
import { createRouteTable } from "./route-table.ts";
import { addApiKeyRoutes } from "./routes/api-keys.ts";
import { addCheckoutRoutes } from "./routes/checkouts.ts";
import { addDeliveryRoutes } from "./routes/deliveries.ts";
import { addDocsRoutes } from "./routes/docs.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addHistoryRoutes } from "./routes/history.ts";
import { addLedgerRoutes } from "./routes/ledger.ts";
import { addOperationRoutes } from "./routes/operation.ts";
import { addPayRoutes } from "./routes/pay.ts";
import { addPaymentRoutes } from "./routes/payments.ts";
import { addPspWebhookRoutes } from "./routes/psp-webhooks.ts";
import { addQueueRoutes } from "./routes/queues.ts";
import { addWebhookEndpointRoutes } from "./routes/webhook-endpoints.ts";

export type HttpApp = OpenAPIHono<HttpEnv>;

export function createHttpApp(deps: HttpDeps): HttpApp {
  const { reads, payments, webhooks, connectors, ports, log, metrics, publicUrl } = deps;
  const authentication = createAuthentication({
    reads,
    clock: ports.clock,
    rateLimit: deps.rateLimit,
    clientAddress: deps.clientAddress,
  });
  const cursors = createCursors(deps.signingKey);
  const app = new OpenAPIHono<HttpEnv>();
  const table = createRouteTable(app, deps.audit === null ? null : createAudit(deps.audit, { ports, log }));

  app.use(observeRequests({ ports, log, metrics }));
  app.use(guardAddress);
  app.onError(createErrorAnswerer({ publicUrl, log }));
  app.notFound((c) => table.refuseUnknown(c));

  addPaymentRoutes(table, { reads, payments, authentication, cursors, psps: [...connectors.keys()] });
  addCheckoutRoutes(table, { reads, authentication });
  addHistoryRoutes(table, { reads, authentication, ports });
  addQueueRoutes(table, { reads, authentication, cursors, ports });
  addLedgerRoutes(table, { reads, authentication, cursors, ports });
  addApiKeyRoutes(table, { reads, authentication, cursors, ports });
  if (deps.events !== null) {
    const parts = { events: deps.events, authentication, cursors };
    addEventRoutes(table, parts);
    addWebhookEndpointRoutes(table, parts);
    addDeliveryRoutes(table, parts);
  }
  deps.console?.mount({ app, table, authentication, cursors });
  addPspWebhookRoutes(table, { webhooks });
  addPayRoutes(table, { reads, payments, payLinks: deps.payLinks, connectors });
  addDocsRoutes(table, { app, publicUrl, version: deps.version });
  addOperationRoutes(table, { metrics, findUnreadiness: deps.findUnreadiness });
  return app;
}
