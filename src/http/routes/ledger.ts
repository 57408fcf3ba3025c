/** The books: sellers' balances and statements, accounts, their lines, the trial balance. */
import { createRoute, z } from "@hono/zod-openapi";
import { isCurrency } from "../../core/currencies.ts";
import { Refusal } from "../../core/errors.ts";
import { formatAmount } from "../../core/money.ts";
import type { Ports } from "../../core/ports.ts";
import type { Reads } from "../../db/reads.ts";
import type { AccountLineRow, LinePosition } from "../../db/queries/list-account-lines.ts";
import type { AccountRow } from "../../db/queries/list-accounts.ts";
import { sellerPayable, sellerReserved } from "../../ledger/posting-rules.ts";
import { sendJson } from "../answers.ts";
import type { Authentication } from "../authenticate.ts";
import { EXPECTED_CURRENCY } from "../body/field-errors.ts";
import { type CursorScope, type Cursors, toPage } from "../cursors.ts";
import type { HttpContext } from "../http-env.ts";
import { notFound, readLimit, readPathId, readQuery } from "../read-query.ts";
import { jsonResponse, type RouteTable, SECURITY } from "../route-table.ts";
import { account, line, sellerBalances, statementLine, trialBalance } from "../schemas/ledger.ts";
import { accountPath, instantParameter, paging, sellerPath } from "../schemas/parameters.ts";
import { readProblems } from "../schemas/problem.ts";
import { currency, listOf } from "../schemas/values.ts";
import { showAccount, showBalances, showLine, showTrialBalance } from "../views/ledger-view.ts";

const TAGS = ["Books"];
const lineQuery = z.strictObject({ currency: currency.optional(), ...paging });
const pageQuery = z.strictObject(paging);
const trialQuery = z.strictObject({
  at: instantParameter.optional().openapi({ description: "The end of which instant; now when missing." }),
});

const getBalances = createRoute({
  method: "get",
  path: "/v1/sellers/{seller_account}/balances",
  tags: TAGS,
  summary: "A seller's wallet, by currency",
  security: SECURITY,
  request: { params: sellerPath },
  responses: {
    200: jsonResponse(sellerBalances, "The balances; empty for a seller without postings."),
    ...readProblems("not-found"),
  },
});

const getStatement = createRoute({
  method: "get",
  path: "/v1/sellers/{seller_account}/statement",
  tags: TAGS,
  summary: "A seller's postings with the running balance, newest first",
  security: SECURITY,
  request: { params: sellerPath, query: lineQuery },
  responses: {
    200: jsonResponse(listOf(statementLine), "A page of the statement."),
    ...readProblems("not-found", "invalid-currency", "invalid-cursor", "unknown-field"),
  },
});

const getAccounts = createRoute({
  method: "get",
  path: "/v1/ledger/accounts",
  tags: TAGS,
  summary: "Ledger accounts, by currency and name",
  security: SECURITY,
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(listOf(account), "A page of accounts."),
    ...readProblems("invalid-cursor", "unknown-field"),
  },
});

const getLines = createRoute({
  method: "get",
  path: "/v1/ledger/accounts/{account}/lines",
  tags: TAGS,
  summary: "Debits and credits of one account, newest first",
  security: SECURITY,
  request: { params: accountPath, query: lineQuery },
  responses: {
    200: jsonResponse(listOf(line), "A page of lines."),
    ...readProblems("not-found", "invalid-currency", "invalid-cursor", "unknown-field"),
  },
});

const getTrialBalance = createRoute({
  method: "get",
  path: "/v1/ledger/trial-balance",
  tags: TAGS,
  summary: "Debits and credits of all accounts; the difference is always zero",
  security: SECURITY,
  request: { query: trialQuery },
  responses: { 200: jsonResponse(trialBalance, "The trial balance."), ...readProblems("unknown-field") },
});

export interface LedgerRouteDeps {
  readonly reads: Reads;
  readonly authentication: Authentication;
  readonly cursors: Cursors;
  readonly ports: Ports;
}

const ACCOUNT_NAME = /^[A-Za-z0-9_:.-]{1,200}$/;

export function addLedgerRoutes(table: RouteTable, { reads, authentication, cursors, ports }: LedgerRouteDeps): void {
  const mayRead = authentication.requireScope("ledger:read");

  table.add(getBalances, mayRead, async (c) => {
    const seller = readPathId(c, "seller_account");
    const names = [sellerPayable(seller).name, sellerReserved(seller).name];
    const rows = await reads.listAccounts({ merchantId: c.get("caller").merchantId, after: null, names, limit: null });
    return sendJson(c, showBalances(seller, rows));
  });

  table.add(getStatement, mayRead, async (c) => {
    const seller = readPathId(c, "seller_account");
    const page = await readLines(c, sellerPayable(seller).name);
    return sendJson(c, toPage(page.rows, page.limit, { show: showStatementLine, toCursor: page.toCursor }));
  });

  table.add(getLines, mayRead, async (c) => {
    const name = c.req.param("account") ?? "";
    if (!ACCOUNT_NAME.test(name)) throw notFound("There is no such ledger account.");
    const page = await readLines(c, name);
    if (page.rows.length === 0 && (await isUnknown(c.get("caller").merchantId, name)))
      throw notFound("There is no such ledger account.");
    return sendJson(c, toPage(page.rows, page.limit, { show: (row) => showLine(name, row), toCursor: page.toCursor }));
  });

  table.add(getAccounts, mayRead, async (c) => {
    const query = readQuery(c, pageQuery);
    const { merchantId } = c.get("caller");
    const scope = { list: "accounts", merchantId };
    const limit = readLimit(query.limit);
    const [lastCurrency, lastAccount] = query.cursor === undefined ? [] : cursors.decode(scope, query.cursor);
    const after =
      lastCurrency === undefined || lastAccount === undefined ? null : { currency: lastCurrency, account: lastAccount };
    const rows = await reads.listAccounts({ merchantId, after, limit: limit + 1 });
    const toCursor = (last: AccountRow): string => cursors.encode(scope, [last.currency, last.account]);
    return sendJson(c, toPage(rows, limit, { show: showAccount, toCursor }));
  });

  table.add(getTrialBalance, mayRead, async (c) => {
    const { at } = readQuery(c, trialQuery);
    const { merchantId } = c.get("caller");
    const instant = new Date(at ?? ports.clock.nowMs());
    const rows =
      at === undefined
        ? await reads.listAccounts({ merchantId, after: null, limit: null })
        : await reads.sumAccountsAt(merchantId, instant);
    return sendJson(c, showTrialBalance(instant, rows));
  });

  async function readLines(c: HttpContext, accountName: string) {
    const query = readQuery(c, lineQuery);
    if (query.currency !== undefined && !isCurrency(query.currency)) throw unknownCurrency();
    const { merchantId } = c.get("caller");
    const scope: CursorScope = { list: `lines/${accountName}/${query.currency ?? ""}`, merchantId };
    const limit = readLimit(query.limit);
    const before = query.cursor === undefined ? null : toPosition(cursors.decode(scope, query.cursor));
    const rows = await reads.listAccountLines({
      merchantId,
      account: accountName,
      currency: query.currency ?? null,
      before,
      limit: limit + 1,
    });
    const toCursor = (last: AccountLineRow): string =>
      cursors.encode(scope, fromPosition(positionAfter(rows.slice(0, limit), last, before)));
    return { rows, limit, toCursor };
  }

  async function isUnknown(merchantId: number, name: string): Promise<boolean> {
    return (await reads.listAccounts({ merchantId, after: null, names: [name], limit: 1 })).length === 0;
  }
}

/** Where the next page goes on, and the balances that it counts back from. */
function positionAfter(
  shown: readonly AccountLineRow[],
  last: AccountLineRow,
  before: LinePosition | null,
): LinePosition {
  const balances: Record<string, string> = { ...before?.balances };
  for (const { currency, runningCredit, side, amount } of shown) {
    balances[currency] = (runningCredit - (side === "credit" ? amount : -amount)).toString();
  }
  return { at: last.at, actorId: last.actorId, seq: last.seq, leg: last.leg, balances };
}

const fromPosition = ({ at, actorId, seq, leg, balances }: LinePosition): readonly string[] => [
  at,
  actorId,
  String(seq),
  String(leg),
  ...Object.entries(balances).flat(),
];

function toPosition([at = "", actorId = "", seq = "0", leg = "0", ...rest]: readonly string[]): LinePosition {
  const balances: Record<string, string> = {};
  for (let index = 0; index + 1 < rest.length; index += 2) balances[rest[index] ?? ""] = rest[index + 1] ?? "0";
  return { at, actorId, seq: Number(seq), leg: Number(leg), balances };
}

function unknownCurrency(): Refusal {
  return new Refusal("invalid-currency", EXPECTED_CURRENCY, {
    errors: [{ pointer: "/currency", code: "invalid-currency", detail: EXPECTED_CURRENCY }],
  });
}

/** The wallet is what we owe: credits raise it. */
function showStatementLine(row: AccountLineRow) {
  const signed = row.side === "credit" ? row.amount : -row.amount;
  return {
    at: row.at,
    rule: row.rule,
    payment_order_id: row.paymentOrderId,
    amount: formatAmount(signed, row.currency),
    currency: row.currency,
    balance: formatAmount(row.runningCredit, row.currency),
    other_account: row.otherAccount,
  };
}
