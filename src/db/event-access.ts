/** Everything that merchant events ask of the database, on connections of their own: a backlog must not take those of payments. */
import { connectDatabase } from "./client.ts";
import { type Database, openDatabase } from "./queries/database.ts";
import { findOrderMoments } from "./queries/find-order-moments.ts";
import { findDelivery, listDeliveries } from "./queries/list-deliveries.ts";
import { findEvent, listEvents } from "./queries/list-events.ts";
import { findEndpoint, listEndpoints } from "./queries/list-webhook-endpoints.ts";
import type { Sql } from "./client.ts";
import * as deliveries from "./statements/deliveries.ts";
import * as events from "./statements/events.ts";
import * as endpoints from "./statements/webhook-endpoints.ts";

type RestOfSql<F> = F extends (sql: Sql, ...rest: infer Arguments) => unknown ? Arguments : never;
type RestOfDb<F> = F extends (db: Database, ...rest: infer Arguments) => unknown ? Arguments : never;

/** What relay, deliverer, live tail and stream do. */
export function bindEventStatements(sql: Sql) {
  return {
    listUnrendered: (...rest: RestOfSql<typeof events.listUnrendered>) => events.listUnrendered(sql, ...rest),
    storeRendered: (...rest: RestOfSql<typeof events.storeRendered>) => events.storeRendered(sql, ...rest),
    relayEvents: (...rest: RestOfSql<typeof events.relayEvents>) => events.relayEvents(sql, ...rest),
    readRelayLag: () => events.readRelayLag(sql),
    readLastPosition: () => events.readLastPosition(sql),
    findPosition: (...rest: RestOfSql<typeof events.findPosition>) => events.findPosition(sql, ...rest),
    readNextEvents: (...rest: RestOfSql<typeof events.readNextEvents>) => events.readNextEvents(sql, ...rest),
    readAllEvents: (...rest: RestOfSql<typeof events.readAllEvents>) => events.readAllEvents(sql, ...rest),
    holdStream: (...rest: RestOfSql<typeof events.holdStream>) => events.holdStream(sql, ...rest),
    noteStreamed: (...rest: RestOfSql<typeof events.noteStreamed>) => events.noteStreamed(sql, ...rest),
    letGoOfStream: (...rest: RestOfSql<typeof events.letGoOfStream>) => events.letGoOfStream(sql, ...rest),
    claimDeliveries: (...rest: RestOfSql<typeof deliveries.claimDeliveries>) =>
      deliveries.claimDeliveries(sql, ...rest),
    recordAttempts: (...rest: RestOfSql<typeof deliveries.recordAttempts>) => deliveries.recordAttempts(sql, ...rest),
    releaseDeliveries: (...rest: RestOfSql<typeof deliveries.releaseDeliveries>) =>
      deliveries.releaseDeliveries(sql, ...rest),
    disableGoneEndpoint: (...rest: RestOfSql<typeof deliveries.disableGoneEndpoint>) =>
      deliveries.disableGoneEndpoint(sql, ...rest),
    holdEndpoint: (...rest: RestOfSql<typeof deliveries.holdEndpoint>) => deliveries.holdEndpoint(sql, ...rest),
    endDeliveries: (...rest: RestOfSql<typeof deliveries.endDeliveries>) => deliveries.endDeliveries(sql, ...rest),
    countDeliveries: () => deliveries.countDeliveries(sql),
    insertEndpoint: (...rest: RestOfSql<typeof endpoints.insertEndpoint>) => endpoints.insertEndpoint(sql, ...rest),
    updateEndpoint: (...rest: RestOfSql<typeof endpoints.updateEndpoint>) => endpoints.updateEndpoint(sql, ...rest),
    deleteEndpoint: (...rest: RestOfSql<typeof endpoints.deleteEndpoint>) => endpoints.deleteEndpoint(sql, ...rest),
    rotateSecret: (...rest: RestOfSql<typeof endpoints.rotateSecret>) => endpoints.rotateSecret(sql, ...rest),
    freeEndpoint: (...rest: RestOfSql<typeof endpoints.freeEndpoint>) => endpoints.freeEndpoint(sql, ...rest),
    redeliverOne: (...rest: RestOfSql<typeof endpoints.redeliverOne>) => endpoints.redeliverOne(sql, ...rest),
    redeliverRange: (...rest: RestOfSql<typeof endpoints.redeliverRange>) => endpoints.redeliverRange(sql, ...rest),
    deliverMissing: (...rest: RestOfSql<typeof endpoints.deliverMissing>) => endpoints.deliverMissing(sql, ...rest),
  };
}

export type EventStatements = ReturnType<typeof bindEventStatements>;

/** What the HTTP front reads. */
export function bindEventReads(db: Database) {
  return {
    listEvents: (...rest: RestOfDb<typeof listEvents>) => listEvents(db, ...rest),
    findEvent: (...rest: RestOfDb<typeof findEvent>) => findEvent(db, ...rest),
    findOrderMoments: (...rest: RestOfDb<typeof findOrderMoments>) => findOrderMoments(db, ...rest),
    listEndpoints: (...rest: RestOfDb<typeof listEndpoints>) => listEndpoints(db, ...rest),
    findEndpoint: (...rest: RestOfDb<typeof findEndpoint>) => findEndpoint(db, ...rest),
    listDeliveries: (...rest: RestOfDb<typeof listDeliveries>) => listDeliveries(db, ...rest),
    findDelivery: (...rest: RestOfDb<typeof findDelivery>) => findDelivery(db, ...rest),
  };
}

export type EventReads = ReturnType<typeof bindEventReads>;

export interface EventAccess {
  readonly statements: EventStatements;
  readonly reads: EventReads;
  end(): Promise<void>;
}

const STATEMENT_CONNECTIONS = 4;
const READ_CONNECTIONS = 2;
const STATEMENT_TIMEOUT_MS = 15_000;
const END_SECONDS = 2;

/** `url` is that of the role `florin_app`, or of a user that may take it. Connects when first asked. */
export function connectEventAccess(url: string): EventAccess {
  const open = (name: string, max: number): Sql =>
    connectDatabase(url, { name, max, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const sql = open("florin events", STATEMENT_CONNECTIONS);
  const reader = open("florin event reads", READ_CONNECTIONS);
  return {
    statements: bindEventStatements(sql),
    reads: bindEventReads(openDatabase(reader)),
    async end() {
      await Promise.all([sql.end({ timeout: END_SECONDS }), reader.end({ timeout: END_SECONDS })]);
    },
  };
}
