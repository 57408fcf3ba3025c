/**
 * Everything that the HTTP front reads (and the API keys that it writes): the queries of `queries/` on one database.
 * The simulation (`npm run simulate`) has a model that answers the same.
 */
import type { Database } from "./queries/database.ts";
import { countQueues } from "./queries/count-queues.ts";
import { findApiKey } from "./queries/find-api-key.ts";
import { findCheckout } from "./queries/find-checkout.ts";
import { findPaymentOrder } from "./queries/find-payment-order.ts";
import { insertApiKey } from "./queries/insert-api-key.ts";
import { listAccountLines } from "./queries/list-account-lines.ts";
import { listAccounts } from "./queries/list-accounts.ts";
import { listApiKeys } from "./queries/list-api-keys.ts";
import { listAttempts } from "./queries/list-attempts.ts";
import { listNotices } from "./queries/list-notices.ts";
import { listOrderEvents } from "./queries/list-order-events.ts";
import { listOrderPostings } from "./queries/list-order-postings.ts";
import { listPaymentOrders } from "./queries/list-payment-orders.ts";
import { listQueue } from "./queries/list-queue.ts";
import { listTransitions } from "./queries/list-transitions.ts";
import { revokeApiKey } from "./queries/revoke-api-key.ts";
import { sumAccountsAt } from "./queries/sum-accounts-at.ts";

/** A query's arguments without its first, the database. */
type Rest<F> = F extends (db: Database, ...rest: infer Arguments) => unknown ? Arguments : never;

export function bindReads(db: Database) {
  return {
    countQueues: (...rest: Rest<typeof countQueues>) => countQueues(db, ...rest),
    findApiKey: (...rest: Rest<typeof findApiKey>) => findApiKey(db, ...rest),
    findCheckout: (...rest: Rest<typeof findCheckout>) => findCheckout(db, ...rest),
    findPaymentOrder: (...rest: Rest<typeof findPaymentOrder>) => findPaymentOrder(db, ...rest),
    insertApiKey: (...rest: Rest<typeof insertApiKey>) => insertApiKey(db, ...rest),
    listAccountLines: (...rest: Rest<typeof listAccountLines>) => listAccountLines(db, ...rest),
    listAccounts: (...rest: Rest<typeof listAccounts>) => listAccounts(db, ...rest),
    listApiKeys: (...rest: Rest<typeof listApiKeys>) => listApiKeys(db, ...rest),
    listAttempts: (...rest: Rest<typeof listAttempts>) => listAttempts(db, ...rest),
    listNotices: (...rest: Rest<typeof listNotices>) => listNotices(db, ...rest),
    listOrderEvents: (...rest: Rest<typeof listOrderEvents>) => listOrderEvents(db, ...rest),
    listOrderPostings: (...rest: Rest<typeof listOrderPostings>) => listOrderPostings(db, ...rest),
    listPaymentOrders: (...rest: Rest<typeof listPaymentOrders>) => listPaymentOrders(db, ...rest),
    listQueue: (...rest: Rest<typeof listQueue>) => listQueue(db, ...rest),
    listTransitions: (...rest: Rest<typeof listTransitions>) => listTransitions(db, ...rest),
    revokeApiKey: (...rest: Rest<typeof revokeApiKey>) => revokeApiKey(db, ...rest),
    sumAccountsAt: (...rest: Rest<typeof sumAccountsAt>) => sumAccountsAt(db, ...rest),
  };
}

export type Reads = ReturnType<typeof bindReads>;
