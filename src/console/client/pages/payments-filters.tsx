/** The filters of the payments; they live in the address and nowhere else. */
import { useId } from "preact/hooks";
import { nowMs } from "../browser-ports.ts";
import { navigate, to, withQuery } from "../state/router.ts";
import { lookOf } from "../ui/status.tsx";

const STATES = [
  "NOT_STARTED",
  "EXECUTING.sending",
  "EXECUTING.pending",
  "EXECUTING.resolving",
  "EXECUTING.retrying",
  "EXECUTING.authorized",
  "EXECUTING.parked",
  "SUCCESS",
  "FAILED",
] as const;

const HOUR_MS = 3_600_000;
const SPANS: Readonly<Record<string, { readonly word: string; readonly hours: number }>> = {
  "1h": { word: "Last hour", hours: 1 },
  "24h": { word: "Last 24 hours", hours: 24 },
  "7d": { word: "Last 7 days", hours: 7 * 24 },
  "30d": { word: "Last 30 days", hours: 30 * 24 },
};
/** A span that moves with every second would be another list each time. */
const MINUTE_MS = 60_000;

/** What the address says of a page, not of the list. */
const PLACE_IN_LIST: readonly string[] = ["cursor", "page", "since"];

type ListQuery = Readonly<Record<string, string | null>>;

/** What the list is asked for, from what the address says. */
export function toListQuery(query: URLSearchParams): ListQuery {
  const span = SPANS[query.get("span") ?? ""];
  return {
    status: query.get("status"),
    phase: query.get("phase"),
    seller_account: query.get("seller_account"),
    checkout_id: query.get("checkout_id"),
    created_gte: span === undefined ? toInstant(query.get("from")) : (sinceOf(query) ?? toSpanStart(span.hours)),
    created_lt: toInstant(query.get("until")),
  };
}

/** When the span of the first page began: a cursor holds for that very list alone, and not for the one a minute later. */
const sinceOf = (query: URLSearchParams): string | null => (query.has("cursor") ? query.get("since") : null);

const toSpanStart = (hours: number): string =>
  new Date(Math.floor(nowMs() / MINUTE_MS) * MINUTE_MS - hours * HOUR_MS).toISOString();

/** What the address of the next page must say about a list that was read with this filter. */
export function toPinned(query: URLSearchParams, filter: ListQuery): ListQuery {
  return { since: query.has("span") ? (filter.created_gte ?? null) : null };
}

/** A field of the browser gives local time without a zone. */
function toInstant(local: string | null): string | null {
  if (local === null || local === "") return null;
  const ms = Date.parse(local);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

export function PaymentFilters({ query }: { readonly query: URLSearchParams }) {
  const ids = useId();
  const here = Object.fromEntries(query);
  const change = (values: Readonly<Record<string, string | null>>): void =>
    navigate(withQuery(to("payments"), { ...here, cursor: null, page: null, since: null, ...values }));
  const status = query.get("status");
  const phase = query.get("phase");
  const state = status === null ? "" : phase === null ? status : `${status}.${phase}`;
  const chooseState = (chosen: string): void => {
    const [nextStatus = "", nextPhase = ""] = chosen.split(".");
    change({ status: nextStatus, phase: nextPhase });
  };
  const hasOwnSpan = query.has("from") || query.has("until") || query.get("span") === "own";
  const isNarrowed = [...query.keys()].some((name) => !PLACE_IN_LIST.includes(name));
  const onText =
    (name: string) =>
    (event: { readonly currentTarget: HTMLInputElement }): void =>
      change({ [name]: event.currentTarget.value.trim() });
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <label class="field" for={`${ids}-state`}>
        <span>State</span>
        <select id={`${ids}-state`} value={state} onChange={(event) => chooseState(event.currentTarget.value)}>
          <option value="">Every state</option>
          <option value="EXECUTING">Executing, all phases</option>
          {STATES.map((name) => (
            <option key={name} value={name}>
              {lookOf(name).word}
            </option>
          ))}
        </select>
      </label>
      <label class="field" for={`${ids}-seller`}>
        <span>Seller</span>
        <input
          id={`${ids}-seller`}
          type="text"
          value={query.get("seller_account") ?? ""}
          placeholder="Every seller"
          spellcheck={false}
          onChange={onText("seller_account")}
        />
      </label>
      <label class="field" for={`${ids}-checkout`}>
        <span>Checkout</span>
        <input
          id={`${ids}-checkout`}
          type="text"
          value={query.get("checkout_id") ?? ""}
          placeholder="Every checkout"
          spellcheck={false}
          onChange={onText("checkout_id")}
        />
      </label>
      <label class="field" for={`${ids}-span`}>
        <span>Created</span>
        <select
          id={`${ids}-span`}
          value={hasOwnSpan ? "own" : (query.get("span") ?? "")}
          onChange={(event) => change({ span: event.currentTarget.value, from: null, until: null })}
        >
          <option value="">At any time</option>
          {Object.entries(SPANS).map(([name, { word }]) => (
            <option key={name} value={name}>
              {word}
            </option>
          ))}
          <option value="own">Between…</option>
        </select>
      </label>
      {hasOwnSpan && (
        <>
          <label class="field" for={`${ids}-from`}>
            <span>From</span>
            <input id={`${ids}-from`} type="datetime-local" value={query.get("from") ?? ""} onChange={onText("from")} />
          </label>
          <label class="field" for={`${ids}-until`}>
            <span>Until</span>
            <input
              id={`${ids}-until`}
              type="datetime-local"
              value={query.get("until") ?? ""}
              onChange={onText("until")}
            />
          </label>
        </>
      )}
      {isNarrowed && (
        <a class="button is-small" href={to("payments")}>
          Clear filters
        </a>
      )}
    </form>
  );
}
