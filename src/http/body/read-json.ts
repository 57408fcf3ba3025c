/**
 * The door for JSON: bytes become a value only when there is one way to read them. What passes here is valid
 * UTF-8 and JSON, has no key twice, is neither deep nor large, and holds no card number and no control character.
 */
import { isUtf8 } from "node:buffer";
import { Refusal } from "../../core/errors.ts";
import { containsCardNumber } from "./card-guard.ts";
import { escapePointer, MAX_DEPTH, MAX_NODES, scanJson } from "./json-scan.ts";
import { readBytes } from "./read-bytes.ts";
import { guardTexts, isPlainJson, refuseCardData } from "./text-guards.ts";

export interface JsonBody {
  readonly value: unknown;
  /** The body as it came; the idempotency hash is made of it. */
  readonly text: string;
}

const JSON_CONTENT = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i;

export async function readJson(request: Request): Promise<JsonBody> {
  checkContentType(request);
  return parseJson(await readBytes(request));
}

/** For calls whose body may be missing: no body at all reads as `{}`, and then needs no content type. */
export async function readOptionalJson(request: Request): Promise<JsonBody> {
  const bytes = await readBytes(request);
  if (bytes.byteLength === 0) return { value: {}, text: "" };
  checkContentType(request);
  return parseJson(bytes);
}

function checkContentType(request: Request): void {
  const encoding = request.headers.get("content-encoding");
  const type = request.headers.get("content-type") ?? "";
  if (type !== "application/json" && !JSON_CONTENT.test(type)) {
    throw new Refusal("unsupported-media-type", "Send the header Content-Type: application/json and a body in UTF-8.");
  }
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw new Refusal("unsupported-media-type", "Send the body without Content-Encoding.");
  }
}

export function parseJson(bytes: Uint8Array): JsonBody {
  if (!isUtf8(bytes)) throw new Refusal("invalid-json", "The body is not valid UTF-8. Encode it as UTF-8.");
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  const value = parse(text);
  const scan = scanJson(text);
  if (scan.kind === "too-complex") {
    throw new Refusal("json-too-complex", `Send at most ${MAX_DEPTH} levels and ${MAX_NODES} values.`);
  }
  if (scan.kind === "duplicate") throw refuseDuplicate(scan);
  if (!isPlainJson(text, bytes.byteLength)) guardTexts(value);
  return { value, text };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message itself repeats a piece of the body, which may be card data.
    const position = error instanceof Error ? (/at position (\d+)/.exec(error.message)?.[1] ?? null) : null;
    const where =
      text === ""
        ? "It is empty."
        : position === null
          ? "It may be cut off."
          : `The first fault is at character ${position}.`;
    throw new Refusal("invalid-json", `The body is not JSON (RFC 8259). ${where}`);
  }
}

function refuseDuplicate({ pointer, key }: { readonly pointer: string; readonly key: string }): Refusal {
  if ([key, ...pointer.split("/")].some(containsCardNumber)) return refuseCardData();
  const detail = "The key stands twice in one object; which one counts is anybody's guess.";
  return new Refusal("duplicate-json-key", "Write each key once in an object.", {
    errors: [{ pointer: `${pointer}/${escapePointer(key)}`, code: "duplicate-json-key", detail }],
  });
}
