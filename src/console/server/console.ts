/** The console's server side, put together by hand. */
import type { Logger } from "pino";
import type { Ports } from "../../core/ports.ts";
import type { ConsoleAccess } from "../../db/console-access.ts";
import type { Reads } from "../../db/reads.ts";
import type { CommittedStep } from "../../engine/engine.ts";
import type { LiveStatistics } from "../../engine/statistics.ts";
import type { AuditTrail } from "../../http/audit.ts";
import type { ConsoleFront } from "../../http/console-front.ts";
import { notFound } from "../../http/read-query.ts";
import { createConsoleRouter } from "./console-router.ts";
import { addInspectRoutes, type Upgrade } from "./inspect-routes.ts";
import { createInspection } from "./inspection.ts";
import type { NodeFigures } from "./figures.ts";
import { createLive } from "./live.ts";
import { createNodeMeter } from "./node-meter.ts";
import { addOrderRoutes } from "./order-routes.ts";
import { addOverviewRoutes } from "./overview-routes.ts";
import { createOverviews } from "./overview.ts";
import { addPublicApi } from "./public-api.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { createSessions } from "./sessions.ts";
import { loadStaticFiles } from "./static-files.ts";

export interface ConsoleDeps {
  readonly access: ConsoleAccess;
  readonly reads: Reads;
  readonly node: string;
  readonly statistics: () => LiveStatistics;
  readonly psps: () => NodeFigures["psps"];
  readonly pspAccounts: readonly string[];
  readonly publicUrl: string;
  readonly ports: Ports;
  readonly log: Logger;
}

export interface Console extends ConsoleFront {
  readonly audit: AuditTrail;
  /** Told after each committed step of this node. */
  onStep(step: CommittedStep): void;
  /** For the server's `upgrade`: tools of XState attach through it. */
  readonly onUpgrade: Upgrade;
  start(): void;
  /** Ends what its viewers watch, before the server waits for their connections. */
  endStreams(): void;
  stop(): Promise<void>;
}

export function createConsole(deps: ConsoleDeps): Console {
  const { access, node, ports, publicUrl } = deps;
  const { queries } = access;
  const meter = createNodeMeter({
    statistics: deps.statistics,
    psps: deps.psps,
    publish: (figures) => queries.upsertNodeStatistics(node, figures),
    ports,
    log: deps.log,
  });
  const overviews = createOverviews({ queries, ports, node, samples: meter.samples });
  const live = createLive({ overviews, ports });
  const sessions = createSessions({ queries, ports, publicUrl });
  const inspection = createInspection(ports);
  const files = loadStaticFiles();
  let upgrade: Upgrade = (_, socket) => socket.destroy();

  return {
    audit: {
      recordIntent: (intent) => queries.insertAuditIntent({ ...intent, node }),
      recordOutcome: (outcome) => queries.insertAuditOutcome(outcome),
    },
    mount({ app, authentication, cursors }) {
      const router = createConsoleRouter(app, { sessions, publicUrl });
      addSessionRoutes(router, { sessions, authentication });
      addPublicApi(router, { app, authentication, queries });
      addOverviewRoutes(router, { overviews, live, queries, cursors, clock: ports.clock });
      upgrade = addInspectRoutes(router, { inspection, reads: deps.reads, queries, cursors, ports, publicUrl });
      addOrderRoutes(router, { reads: deps.reads, queries, psps: deps.pspAccounts });
      router.open("GET", "/console/machines/:name", (c) => {
        const sent = files.sendMachine(c, c.req.param("name") ?? "");
        if (sent === null)
          throw notFound("There is no such chart. Those that there are: paymentOrder.svg, .mmd, .json, .layout.json.");
        return sent;
      });
      router.open("GET", "/console/api/*", () => {
        throw notFound("The console has nothing at this address.");
      });
      router.open("GET", "/console", (c) => files.sendPage(c, c.req.path));
      router.open("GET", "/console/*", (c) => files.sendPage(c, c.req.path));
    },
    onStep: inspection.onStep,
    onUpgrade: (request, socket, head) => upgrade(request, socket, head),
    start: () => meter.start(),
    endStreams() {
      live.close();
      inspection.close();
    },
    async stop() {
      meter.stop();
      live.close();
      inspection.close();
      await access.end();
    },
  };
}
