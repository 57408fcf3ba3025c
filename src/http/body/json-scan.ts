/**
 * What `JSON.parse` hides: keys that stand twice in one object (the last one wins silently, and two programs
 * may disagree about the amount), and how deep and large the value is. Reads text that is known to be JSON;
 * a loop with a stack of its own, so depth costs nothing.
 */
export const MAX_DEPTH = 32;
/** Values and keys; a checkout of 100 full orders stays far below. */
export const MAX_NODES = 20_000;

export type ScanVerdict =
  | { readonly kind: "fine" }
  | { readonly kind: "too-complex" }
  /** `pointer` names the object that has the key twice. */
  | { readonly kind: "duplicate"; readonly pointer: string; readonly key: string };

interface Frame {
  /** Keys so far; null in an array. */
  readonly keys: Set<string> | null;
  isKeyNext: boolean;
  /** The member that is being read, for the pointer. */
  place: string | number;
}

const QUOTE = 34;
const COMMA = 44;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

export function scanJson(text: string): ScanVerdict {
  const stack: Frame[] = [];
  let top: Frame | undefined;
  let nodes = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (top?.keys && top.isKeyNext) {
          const key = readString(text, at, end);
          if (top.keys.has(key)) return { kind: "duplicate", pointer: toPointer(stack.slice(0, -1)), key };
          top.keys.add(key);
          top.place = key;
          top.isKeyNext = false;
        }
        at = end;
        break;
      }
      case COMMA:
        nodes += 1;
        if (top?.keys) top.isKeyNext = true;
        else if (top && typeof top.place === "number") top.place += 1;
        break;
      case OPEN_OBJECT:
        top = { keys: new Set(), isKeyNext: true, place: "" };
        stack.push(top);
        nodes += 1;
        break;
      case OPEN_ARRAY:
        top = { keys: null, isKeyNext: false, place: 0 };
        stack.push(top);
        nodes += 1;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        stack.pop();
        top = stack.at(-1);
        break;
    }
    if (stack.length > MAX_DEPTH || nodes > MAX_NODES) return { kind: "too-complex" };
  }
  return { kind: "fine" };
}

/** Index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end > 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

function readString(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  if (!raw.includes("\\")) return raw;
  const value: unknown = JSON.parse(text.slice(start, end + 1));
  return String(value);
}

const toPointer = (frames: readonly Frame[]): string =>
  frames.map(({ place }) => `/${escapePointer(String(place))}`).join("");

/** One reference token of a JSON Pointer (RFC 6901); long keys are cut, because a pointer is for reading. */
export function escapePointer(token: string): string {
  const short = token.length > 100 ? `${token.slice(0, 100)}…` : token;
  return short.replaceAll("~", "~0").replaceAll("/", "~1");
}
