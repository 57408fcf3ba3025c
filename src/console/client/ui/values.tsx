/** Money, times, ages and ids, the same everywhere. */
import { useState } from "preact/hooks";
import { after } from "../browser-ports.ts";
import { tickerStore } from "../state/ticker.ts";
import { useStore } from "../state/use-store.ts";
import { tell } from "../state/notices.ts";
import { formatAge, formatMoney, formatTime, formatUtc } from "./format.ts";
import { Icon } from "./icon.tsx";

export function Money({ amount, currency }: { readonly amount: string; readonly currency: string }) {
  return (
    <span class={amount.startsWith("-") ? "money is-negative" : "money"}>
      {formatMoney(amount)} <span class="currency">{currency}</span>
    </span>
  );
}

const MINUTE_MS = 60_000;

export function Time({ at }: { readonly at: string }) {
  // Only the day matters for the form, so a minute's resolution is plenty.
  const minute = useStore(tickerStore, ({ nowMs }) => Math.floor(nowMs / MINUTE_MS));
  const instant = new Date(at);
  return (
    <time dateTime={at} title={formatUtc(instant)}>
      {formatTime(instant, new Date(minute * MINUTE_MS))}
    </time>
  );
}

/** How long ago; ticks. */
export function Age({ at }: { readonly at: string }) {
  const text = useStore(tickerStore, ({ nowMs }) => formatAge(nowMs - Date.parse(at)));
  return (
    <time dateTime={at} title={formatUtc(new Date(at))} class="age">
      {text}
    </time>
  );
}

/** `in 4 s`, or `due` when it is over. */
export function Until({ at }: { readonly at: string }) {
  const leftMs = useStore(tickerStore, ({ nowMs }) => Math.ceil((Date.parse(at) - nowMs) / 1_000) * 1_000);
  return (
    <time dateTime={at} title={formatUtc(new Date(at))} class="age">
      {leftMs > 0 ? `in ${formatAge(leftMs)}` : "due now"}
    </time>
  );
}

const COPIED_MS = 1_500;

export function CopyId({ id, label, href }: { readonly id: string; readonly label: string; readonly href?: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    if (!(await copyText(id))) return tell("failed", "The browser did not allow copying. Select the text instead.");
    setCopied(true);
    after(COPIED_MS, () => setCopied(false));
  };
  return (
    <span class="copy-id">
      {href === undefined ? <code>{id}</code> : <a href={href}>{id}</a>}
      <button type="button" class="copy" onClick={copy} aria-label={isCopied ? "Copied" : `Copy ${label}`}>
        <Icon name={isCopied ? "done" : "copy"} />
      </button>
    </span>
  );
}

/** The clipboard's own interface exists only behind TLS and on the machine itself; the old way works everywhere. */
async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  return isCopied;
}
