/** The filtered payments as a file for a spreadsheet, read page by page in the browser. */
import { useState } from "preact/hooks";
import { problemOf } from "../api/problem.ts";
import { request } from "../api/request.ts";
import type { Page, PaymentOrder } from "../api/types.ts";
import { nowMs } from "../browser-ports.ts";
import { tell } from "../state/notices.ts";
import { withQuery } from "../state/router.ts";
import { formatCount } from "../ui/format.ts";
import { Icon } from "../ui/icon.tsx";
import { toCsv } from "./csv.ts";

/** More than a spreadsheet is good for, and more than a browser should hold. */
const MAX_ROWS = 20_000;

const FIELDS = [
  "payment_order_id",
  "checkout_id",
  "seller_account",
  "amount",
  "currency",
  "platform_fee",
  "status",
  "phase",
  "psp",
  "psp_reference",
  "attempts",
  "amount_captured",
  "amount_refunded",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof PaymentOrder)[];

type Filter = Readonly<Record<string, string | null>>;

async function readAll(filter: Filter, onProgress: (count: number) => void) {
  const orders: PaymentOrder[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<PaymentOrder> = await request(withQuery("/v1/payments", { ...filter, cursor, limit: "100" }));
    orders.push(...page.data);
    cursor = page.next_cursor;
    onProgress(orders.length);
  } while (cursor !== null && orders.length < MAX_ROWS);
  return { orders, isCut: cursor !== null };
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

export function ExportButton({ filter }: { readonly filter: Filter }) {
  const [count, setCount] = useState<number | null>(null);
  const run = async (): Promise<void> => {
    setCount(0);
    try {
      const { orders, isCut } = await readAll(filter, setCount);
      const rows = orders.map((order) => [
        ...FIELDS.map((field) => `${order[field] ?? ""}`),
        order.failure?.code ?? "",
        order.failure?.decline_code ?? "",
      ]);
      save(
        toCsv([[...FIELDS, "failure_code", "decline_code"], ...rows]),
        `payments-${new Date(nowMs()).toISOString().slice(0, 10)}.csv`,
      );
      tell(
        "done",
        isCut
          ? `The newest ${formatCount(orders.length)} payments are saved. Narrow the filters for older ones.`
          : `${formatCount(orders.length)} payments are saved.`,
      );
    } catch (error) {
      tell("failed", `Nothing was saved. ${problemOf(error).detail}`);
    }
    setCount(null);
  };
  return (
    <button type="button" class="button" disabled={count !== null} onClick={run}>
      <Icon name="download" /> {count === null ? "Export CSV" : `Reading ${formatCount(count)}…`}
    </button>
  );
}
