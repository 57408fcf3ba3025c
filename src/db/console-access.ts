/**
 * Everything that the console asks of the database, on connections of its own: a big question of somebody who looks must
 * not take those of payments. What must be quick (who is signed in, the audit log) has a pair of its own beside it.
 */
import { connectDatabase } from "./client.ts";
import * as audit from "./queries/audit-log.ts";
import * as calls from "./queries/list-calls.ts";
import * as sessions from "./queries/console-sessions.ts";
import * as states from "./queries/count-order-states.ts";
import { type Database, openDatabase } from "./queries/database.ts";
import { findFirstMerchant } from "./queries/find-first-merchant.ts";
import { judgeEndpoints } from "./queries/judge-endpoints.ts";
import * as nodes from "./queries/node-statistics.ts";
import { readRecentOrders } from "./queries/read-recent-orders.ts";
import { readStanding } from "./queries/read-standing.ts";
import { searchOrders } from "./queries/search-orders.ts";
import { sumCurrencies } from "./queries/sum-currencies.ts";

type Rest<F> = F extends (db: Database, ...rest: infer Arguments) => unknown ? Arguments : never;

export function bindConsoleQueries(quick: Database, slow: Database) {
  return {
    insertSession: (...rest: Rest<typeof sessions.insertSession>) => sessions.insertSession(quick, ...rest),
    findSession: (...rest: Rest<typeof sessions.findSession>) => sessions.findSession(quick, ...rest),
    extendSession: (...rest: Rest<typeof sessions.extendSession>) => sessions.extendSession(quick, ...rest),
    deleteSession: (...rest: Rest<typeof sessions.deleteSession>) => sessions.deleteSession(quick, ...rest),
    deleteEndedSessions: () => sessions.deleteEndedSessions(quick),
    insertAuditIntent: (...rest: Rest<typeof audit.insertAuditIntent>) => audit.insertAuditIntent(quick, ...rest),
    insertAuditOutcome: (...rest: Rest<typeof audit.insertAuditOutcome>) => audit.insertAuditOutcome(quick, ...rest),
    upsertNodeStatistics: (...rest: Rest<typeof nodes.upsertNodeStatistics>) =>
      nodes.upsertNodeStatistics(quick, ...rest),
    findFirstMerchant: () => findFirstMerchant(slow),
    listNodes: (...rest: Rest<typeof nodes.listNodes>) => nodes.listNodes(slow, ...rest),
    listAudit: (...rest: Rest<typeof audit.listAudit>) => audit.listAudit(slow, ...rest),
    readStanding: (...rest: Rest<typeof readStanding>) => readStanding(slow, ...rest),
    countCreated: (...rest: Rest<typeof states.countCreated>) => states.countCreated(slow, ...rest),
    readRecentOrders: (...rest: Rest<typeof readRecentOrders>) => readRecentOrders(slow, ...rest),
    sumCurrencies: (...rest: Rest<typeof sumCurrencies>) => sumCurrencies(slow, ...rest),
    judgeEndpoints: (...rest: Rest<typeof judgeEndpoints>) => judgeEndpoints(slow, ...rest),
    listCalls: (...rest: Rest<typeof calls.listCalls>) => calls.listCalls(slow, ...rest),
    listCallAnswers: (...rest: Rest<typeof calls.listCallAnswers>) => calls.listCallAnswers(slow, ...rest),
    listNoticeBodies: (...rest: Rest<typeof calls.listNoticeBodies>) => calls.listNoticeBodies(slow, ...rest),
    searchOrders: (...rest: Rest<typeof searchOrders>) => searchOrders(slow, ...rest),
  };
}

export type ConsoleQueries = ReturnType<typeof bindConsoleQueries>;

export interface ConsoleAccess {
  readonly queries: ConsoleQueries;
  end(): Promise<void>;
}

const QUICK_CONNECTIONS = 2;
const SLOW_CONNECTIONS = 3;
const QUICK_TIMEOUT_MS = 5_000;
const SLOW_TIMEOUT_MS = 10_000;
const END_SECONDS = 2;

/** `url` is that of the role `florin_app`, or of a user that may take it. Connects when first asked. */
export function connectConsoleAccess(url: string): ConsoleAccess {
  const quick = connectDatabase(url, {
    name: "florin sessions",
    max: QUICK_CONNECTIONS,
    statementTimeoutMs: QUICK_TIMEOUT_MS,
  });
  const slow = connectDatabase(url, {
    name: "florin console",
    max: SLOW_CONNECTIONS,
    statementTimeoutMs: SLOW_TIMEOUT_MS,
  });
  return {
    queries: bindConsoleQueries(openDatabase(quick), openDatabase(slow)),
    end: async () => {
      await Promise.all([quick.end({ timeout: END_SECONDS }), slow.end({ timeout: END_SECONDS })]);
    },
  };
}
