/** Everything the HTTP front is given. It reads no environment and no clock of its own. */
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Ports } from "../core/ports.ts";
import type { Reads } from "../db/reads.ts";
import type { EventsService } from "../events/merchant-events.ts";
import type { PayLinks } from "../payments/pay-links.ts";
import type { PaymentsService, WebhookService } from "../payments/service.ts";
import type { Connector } from "../psp/connector.ts";
import type { AuditTrail } from "./audit.ts";
import type { ConsoleFront } from "./console-front.ts";
import type { HttpContext } from "./http-env.ts";

export interface HttpDeps {
  readonly reads: Reads;
  readonly payments: PaymentsService;
  readonly webhooks: WebhookService;
  /** By PSP account. */
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly payLinks: PayLinks;
  /** Null leaves out the routes of merchant events and webhooks. */
  readonly events: EventsService | null;
  /** Null leaves out the console. */
  readonly console: ConsoleFront | null;
  /** Writes down what operators decide; null where nobody asks who decided. */
  readonly audit: AuditTrail | null;
  /** Signs cursors; the same on every node. At least 32 bytes. */
  readonly signingKey: Uint8Array;
  readonly ports: Ports;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  /** Of the program, for the document. */
  readonly version: string;
  /** Requests a second for each API key; null is no limit. */
  readonly rateLimit: number | null;
  /** Why this node can't serve now; null when it can. */
  readonly findUnreadiness: () => Promise<string | null>;
  readonly clientAddress: (c: HttpContext) => string;
}
