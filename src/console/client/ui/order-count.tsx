/** How many orders stand in a state, or have ended there lately. */
import type { StateCount } from "../../contract.ts";
import { formatCount } from "./format.ts";

export function OrderCount({ count }: { readonly count: StateCount | undefined }) {
  if (count?.is_counting) return <span class="soft">counting…</span>;
  return (
    <span class="nowrap">
      <strong>{formatCount(count?.count ?? 0)}</strong>
      {count?.window === "24h" && <span class="soft"> in 24 h</span>}
    </span>
  );
}
