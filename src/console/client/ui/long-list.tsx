/** A list that may be very long: its beginning and its end, and between them a button for the rest. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { formatCount } from "./format.ts";

interface LongListProps<Item> {
  readonly class: string;
  readonly items: readonly Item[];
  readonly head: number;
  readonly tail: number;
  /** How the items are called: “calls”. */
  readonly what: string;
  readonly show: (item: Item, index: number) => ComponentChildren;
}

/** For fewer a button would take more room than it saves. */
const WORTH_HIDING = 3;

export function LongList<Item>({ class: className, items, head, tail, what, show }: LongListProps<Item>) {
  const [isWhole, setWhole] = useState(false);
  const hidden = items.length - head - tail;
  if (isWhole || hidden < WORTH_HIDING) return <ol class={className}>{items.map(show)}</ol>;
  return (
    <ol class={className}>
      {items.slice(0, head).map(show)}
      <li class="list-gap">
        <button type="button" class="button is-small" onClick={() => setWhole(true)}>
          Show {formatCount(hidden)} more {what} from between
        </button>
      </li>
      {items.slice(-tail).map((item, index) => show(item, items.length - tail + index))}
    </ol>
  );
}
