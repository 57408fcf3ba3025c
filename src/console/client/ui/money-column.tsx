/** A column of amounts, each in its row's currency. */
import type { Column } from "./table.tsx";
import { Money } from "./values.tsx";

export function moneyColumn<Row extends { readonly currency: string }>(
  title: string,
  amountOf: (row: Row) => string,
): Column<Row> {
  return { title, kind: "number", show: (row) => <Money amount={amountOf(row)} currency={row.currency} /> };
}
