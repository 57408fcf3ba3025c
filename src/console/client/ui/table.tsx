/** Tables with a caption and header cells. On a phone each row becomes a card, with the column's name before each value. */
import type { ComponentChildren } from "preact";
import { ScrollBox } from "./scroll-box.tsx";

export interface Column<Row> {
  readonly title: string;
  readonly show: (row: Row) => ComponentChildren;
  readonly kind?: "number" | "wide" | "number wide";
}

interface TableProps<Row> {
  readonly caption: string;
  /** The first one names the row. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row, index: number) => string;
  /** Few short columns stay a table on a phone too; the wide ones are left out there. */
  readonly isCompact?: boolean;
}

export function Table<Row>({ caption, columns, rows, keyOf, isCompact = false }: TableProps<Row>) {
  return (
    <ScrollBox label={caption}>
      <table class={isCompact ? "table is-compact" : "table"}>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, kind }) => (
              <th key={title} scope="col" class={kind ?? ""}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={keyOf(row, index)}>
              {columns.map(({ title, show, kind }, column) =>
                column === 0 ? (
                  <th key={title} scope="row" class={kind ?? ""}>
                    <div>{show(row)}</div>
                  </th>
                ) : (
                  <td key={title} class={kind ?? ""} data-title={title}>
                    <div>{show(row)}</div>
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}
