/** Column types that every table uses in the same way. */
import { bigint, customType, timestamp } from "../drizzle.ts";

/** Minor units; amounts stay below 10^17, so a `bigint` column holds each of them. */
export const minorUnits = () => bigint({ mode: "bigint" });

/** An instant with milliseconds, in UTC. */
export const instant = () => timestamp({ withTimezone: true, precision: 3, mode: "date" });

/** Sums of amounts over years: wider than any single amount. */
export const balance = customType<{ data: bigint; driverData: string }>({
  dataType: () => "numeric(38,0)",
  fromDriver: (value) => BigInt(value),
  toDriver: (value) => value.toString(),
});

export const bytes = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
