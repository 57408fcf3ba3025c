/** RFC 4180, and safe to open in a spreadsheet. */

/** A cell that begins with one of these would be run as a formula; ids come from merchants' customers. */
const FORMULA = /^[=+\-@\t\r]/;
const IS_NUMBER = /^-?\d+(\.\d+)?$/;

function toCell(text: string): string {
  const safe = FORMULA.test(text) && !IS_NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

export function toCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(toCell).join(",")}\r\n`).join("");
}
