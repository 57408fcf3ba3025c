/**
 * Where XState's tools attach. They open a WebSocket by its address alone, so whoever has signed in first gets an address
 * with a signed ticket in it: good for a minute, for one merchant and what was asked for, on every node. What is attached
 * ends with the session that the ticket was given to.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { CLIENT_ID_PATTERN } from "../../core/ids.ts";
import type { Ports } from "../../core/ports.ts";
import { Refusal } from "../../core/errors.ts";
import type { ConsoleQueries } from "../../db/console-access.ts";
import type { Reads } from "../../db/reads.ts";
import { sendJson } from "../../http/answers.ts";
import { readBody } from "../../http/body/field-errors.ts";
import { readOptionalJson } from "../../http/body/read-json.ts";
import type { Cursors } from "../../http/cursors.ts";
import { readOrderState } from "../../http/views/order-view.ts";
import type { InspectionTicket } from "../contract.ts";
import type { ConsoleRouter } from "./console-router.ts";
import type { Inspection } from "./inspection.ts";

const PATH = "/console/api/inspect";
const TICKET_MS = 60_000;
/** Somebody who reads more slowly than orders step is cut off before it fills the memory. */
const MAX_UNSENT_BYTES = 8_000_000;
/** Who attaches only listens. */
const MAX_MESSAGE_BYTES = 1_024;
/** As often as a live page of the console is asked. */
const ASK_SESSION_MS = 15_000;
const GOING_AWAY = 1_001;
const NOT_ALLOWED = 1_008;
const TRY_AGAIN_LATER = 1_013;

const request = z.strictObject({ payment_order_id: z.string().regex(CLIENT_ID_PATTERN).optional() });

export interface InspectRouteDeps {
  readonly inspection: Inspection;
  readonly reads: Reads;
  readonly queries: Pick<ConsoleQueries, "findSession">;
  readonly cursors: Cursors;
  readonly ports: Ports;
  readonly publicUrl: string;
}

/** Takes the socket of a request that wants to speak another protocol; answers it, if only with a refusal. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

interface Ticket {
  readonly merchantId: number;
  readonly paymentOrderId: string | null;
  /** Of the session that asked for it: the hash, as the database has it. */
  readonly tokenHash: Uint8Array;
}

export function addInspectRoutes(router: ConsoleRouter, deps: InspectRouteDeps): Upgrade {
  const { inspection, reads, queries, cursors, ports, publicUrl } = deps;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  const scopeOf = (merchantId: number) => ({ list: "console/inspect", merchantId });

  router.signedIn("POST", PATH, "payments:read", async (c, { merchantId, tokenHash }) => {
    const { payment_order_id: orderId = "" } = readBody(request, (await readOptionalJson(c.req.raw)).value);
    const expiresAtMs = ports.clock.nowMs() + TICKET_MS;
    const url = new URL(PATH, publicUrl);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("merchant", String(merchantId));
    const place = [String(expiresAtMs), orderId, Buffer.from(tokenHash).toString("base64url")];
    url.searchParams.set("ticket", cursors.encode(scopeOf(merchantId), place));
    const ticket: InspectionTicket = { url: url.href, expires_at: new Date(expiresAtMs).toISOString() };
    return sendJson(c, ticket);
  });

  router.open("GET", PATH, () => {
    throw new Refusal("invalid-request", "This address speaks WebSocket: give it to a tool of XState.");
  });

  /** Null when it is none of ours, or has run out. */
  function readTicket(query: URLSearchParams): Ticket | null {
    const merchantId = Number(query.get("merchant"));
    if (!Number.isSafeInteger(merchantId)) return null;
    try {
      const [expiresAtMs, orderId = "", hash = ""] = cursors.decode(scopeOf(merchantId), query.get("ticket") ?? "");
      if (Number(expiresAtMs) < ports.clock.nowMs()) return null;
      const tokenHash = Buffer.from(hash, "base64url");
      return { merchantId, paymentOrderId: orderId === "" ? null : orderId, tokenHash };
    } catch {
      return null;
    }
  }

  /** A database that is away ends nothing: the next question comes in a moment. */
  async function endWithSession(tokenHash: Uint8Array, socket: WebSocket): Promise<void> {
    const session = await queries.findSession(tokenHash).catch(() => undefined);
    if (session === null) socket.close(NOT_ALLOWED, "the session has ended: sign in and ask for a new ticket");
  }

  function attach({ merchantId, paymentOrderId, tokenHash }: Ticket, socket: WebSocket): void {
    const seat = inspection.join({
      merchantId,
      paymentOrderId,
      send(message) {
        if (socket.bufferedAmount > MAX_UNSENT_BYTES) socket.close(TRY_AGAIN_LATER, "too slow");
        else socket.send(message);
      },
      close: (reason) => socket.close(GOING_AWAY, reason),
    });
    // A broken connection is followed by its close.
    socket.on("error", () => {});
    if (seat === null) {
      socket.close(TRY_AGAIN_LATER, "too many tools are attached");
      return;
    }
    void endWithSession(tokenHash, socket);
    const stopAsking = ports.timers.every(ASK_SESSION_MS, () => void endWithSession(tokenHash, socket));
    socket.once("close", () => {
      stopAsking();
      seat.leave();
    });
    if (paymentOrderId === null) return;
    void reads.findPaymentOrder(merchantId, paymentOrderId).then(
      (row) => {
        const state = row === null ? null : readOrderState(row);
        if (state !== null) seat.introduce(state);
      },
      () => {},
    );
  }

  return (request, socket, head) => {
    // Node takes its own listener off a socket that is handed over here: an error that nobody hears ends the process.
    socket.on("error", () => socket.destroy());
    const url = URL.parse(request.url ?? "", "http://florin");
    const ticket = url?.pathname === PATH ? readTicket(url.searchParams) : null;
    if (ticket !== null) return sockets.handleUpgrade(request, socket, head, (opened) => attach(ticket, opened));
    socket.end(url?.pathname === PATH ? refusal("401 Unauthorized") : refusal("404 Not Found"));
  };
}

const refusal = (status: string): string => `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
