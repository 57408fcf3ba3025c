/**
 * Everything that Florin's processor asks of its database: each function is one statement and a transaction of its own.
 * `connectAccess` asks PostgreSQL; the simulation (`npm run simulate`) has a model that answers the same.
 */
import { connectDatabase, type Sql } from "./client.ts";
import * as actors from "./statements/actors.ts";
import * as commands from "./statements/commands.ts";
import { type CommitParameters, type CommitVerdicts, commitSteps, discardPlans } from "./statements/commit-steps.ts";
import * as due from "./statements/due.ts";
import * as keys from "./statements/idempotency-keys.ts";
import * as inbox from "./statements/inbox.ts";
import * as nodes from "./statements/nodes.ts";
import * as operation from "./statements/operation.ts";
import * as paymentEvents from "./statements/payment-events.ts";
import { purgeOutdated } from "./statements/purge.ts";

/** A function without its first argument, the connection. */
type Rest<F> = F extends (sql: Sql, ...rest: infer Arguments) => unknown ? Arguments : never;

/** The statements of requests and sweeps on one pool of connections. */
export function bindStatements(sql: Sql) {
  return {
    loadActors: (...rest: Rest<typeof actors.loadActors>) => actors.loadActors(sql, ...rest),
    countOrphans: (...rest: Rest<typeof actors.countOrphans>) => actors.countOrphans(sql, ...rest),
    adoptActors: (...rest: Rest<typeof actors.adoptActors>) => actors.adoptActors(sql, ...rest),
    listOwnedActors: (...rest: Rest<typeof actors.listOwnedActors>) => actors.listOwnedActors(sql, ...rest),
    reclaimActors: (...rest: Rest<typeof actors.reclaimActors>) => actors.reclaimActors(sql, ...rest),
    releaseActor: (...rest: Rest<typeof actors.releaseActor>) => actors.releaseActor(sql, ...rest),
    quarantineActor: (...rest: Rest<typeof actors.quarantineActor>) => actors.quarantineActor(sql, ...rest),
    findStoredRequest: (...rest: Rest<typeof actors.findStoredRequest>) => actors.findStoredRequest(sql, ...rest),
    listForgottenActors: (...rest: Rest<typeof actors.listForgottenActors>) => actors.listForgottenActors(sql, ...rest),
    findDueTimers: (...rest: Rest<typeof due.findDueTimers>) => due.findDueTimers(sql, ...rest),
    findInboxMail: (...rest: Rest<typeof due.findInboxMail>) => due.findInboxMail(sql, ...rest),
    findObservationMail: (...rest: Rest<typeof due.findObservationMail>) => due.findObservationMail(sql, ...rest),
    findCommandMail: (...rest: Rest<typeof due.findCommandMail>) => due.findCommandMail(sql, ...rest),
    findKey: (...rest: Rest<typeof keys.findKey>) => keys.findKey(sql, ...rest),
    storeAnswers: (...rest: Rest<typeof keys.storeAnswers>) => keys.storeAnswers(sql, ...rest),
    insertAnsweredKey: (...rest: Rest<typeof keys.insertAnsweredKey>) => keys.insertAnsweredKey(sql, ...rest),
    freeKey: (...rest: Rest<typeof keys.freeKey>) => keys.freeKey(sql, ...rest),
    insertCommand: (...rest: Rest<typeof commands.insertCommand>) => commands.insertCommand(sql, ...rest),
    findCommandResult: (...rest: Rest<typeof commands.findCommandResult>) => commands.findCommandResult(sql, ...rest),
    insertNotices: (...rest: Rest<typeof inbox.insertNotices>) => inbox.insertNotices(sql, ...rest),
    closeUnmatchedNotice: (...rest: Rest<typeof inbox.closeUnmatchedNotice>) =>
      inbox.closeUnmatchedNotice(sql, ...rest),
    findOrderId: (...rest: Rest<typeof paymentEvents.findOrderId>) => paymentEvents.findOrderId(sql, ...rest),
    findPaymentEvent: (...rest: Rest<typeof paymentEvents.findPaymentEvent>) =>
      paymentEvents.findPaymentEvent(sql, ...rest),
    keepFirstToken: (...rest: Rest<typeof paymentEvents.keepFirstToken>) => paymentEvents.keepFirstToken(sql, ...rest),
    readDatabaseState: () => operation.readDatabaseState(sql),
    probe: () => operation.probe(sql),
    findSetting: (name: string) => operation.findSetting(sql, name),
    countOpenOrders: () => operation.countOpenOrders(sql),
    countUnservedOrders: (...rest: Rest<typeof operation.countUnservedOrders>) =>
      operation.countUnservedOrders(sql, ...rest),
    purgeOutdated: () => purgeOutdated(sql),
  };
}

export type Statements = ReturnType<typeof bindStatements>;

/** One connection that runs one group commit at a time. */
export interface CommitLane {
  commitSteps(parameters: CommitParameters): Promise<CommitVerdicts>;
  discardPlans(): Promise<void>;
  /** Waits this long for what is under way; 0 gives it up at once, and it may commit all the same. */
  end(timeoutSeconds: number): Promise<void>;
}

/** One connection for the heartbeat alone: a busy pool must not make the node look dead. */
export interface Heart {
  beat(node: string, name: string): Promise<void>;
  stopNode(node: string): Promise<void>;
  end(timeoutSeconds: number): Promise<void>;
}

export interface DatabaseAccess {
  readonly statements: Statements;
  openLane(index: number): CommitLane;
  openHeart(): Heart;
  /** Ends the connections of `statements`. */
  end(): Promise<void>;
}

const STATEMENT_CONNECTIONS = 8;
const STATEMENT_TIMEOUT_MS = 15_000;
const BEAT_TIMEOUT_MS = 3_000;
const END_SECONDS = 2;

export interface PostgresAccess extends DatabaseAccess {
  /** The connections of `statements`, for whoever has questions of its own. */
  readonly sql: Sql;
}

/** `url` is that of the role `florin_app`, or of a user that may take it. Connects when first asked. */
export function connectAccess(url: string): PostgresAccess {
  const sql = connectDatabase(url, {
    name: "florin queries",
    max: STATEMENT_CONNECTIONS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  return {
    sql,
    statements: bindStatements(sql),
    openLane(index) {
      const name = `florin journal ${index + 1}`;
      const lane = connectDatabase(url, { name, max: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
      return {
        commitSteps: (parameters) => commitSteps(lane, parameters),
        discardPlans: () => discardPlans(lane),
        end: (timeoutSeconds) => lane.end({ timeout: timeoutSeconds }),
      };
    },
    openHeart() {
      const heart = connectDatabase(url, { name: "florin heartbeat", max: 1, statementTimeoutMs: BEAT_TIMEOUT_MS });
      return {
        beat: (node, name) => nodes.beatNode(heart, node, name),
        stopNode: (node) => nodes.stopNode(heart, node),
        end: (timeoutSeconds) => heart.end({ timeout: timeoutSeconds }),
      };
    },
    end: () => sql.end({ timeout: END_SECONDS }),
  };
}
