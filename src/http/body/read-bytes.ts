/** Request bodies as bytes, never more of them in memory than the limit. */
import { Refusal } from "../../core/errors.ts";

/** A checkout of 100 orders with full metadata fits; nothing that is bigger is a payment. */
export const MAX_BODY_BYTES = 65_536;

/** Throws `body-too-large` before reading when the length is announced, else as soon as the limit is passed. */
export async function readBytes(request: Request, limit = MAX_BODY_BYTES): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > limit) throw tooLarge(limit);
  // The HTTP parser holds the sender to the announced length, and the Node adapter reads it without streams.
  const isBounded = announced !== null && request.headers.get("transfer-encoding") === null;
  const body = isBounded ? await readAtOnce(request) : await readStream(request, limit);
  if (body.byteLength > limit) throw tooLarge(limit);
  return body;
}

async function readAtOnce(request: Request): Promise<Uint8Array> {
  try {
    return new Uint8Array(await request.arrayBuffer());
  } catch {
    throw endedEarly();
  }
}

async function readStream(request: Request, limit: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw endedEarly();
    });
    if (done) return Buffer.concat(chunks, length);
    length += value.byteLength;
    if (length > limit) {
      // Not awaited: a sender that never stops must not keep the answer waiting.
      void reader.cancel().catch(() => {});
      throw tooLarge(limit);
    }
    chunks.push(value);
  }
}

function tooLarge(limit: number): Refusal {
  return new Refusal("body-too-large", `The body may have at most ${limit} bytes; send less in one request.`);
}

function endedEarly(): Refusal {
  return new Refusal("invalid-json", "The connection ended before the body was complete. Send the request again.");
}
