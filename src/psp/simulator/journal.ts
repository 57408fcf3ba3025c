/**
 * The simulator's memory on disk: one JSON line an event, appended and never changed. A line is with the
 * operating system before the answer that depends on it leaves, so `kill -9` forgets nothing that anybody was
 * told. Not fsynced: a PSP's data centre does not lose power together with our test machine.
 *
 * Lines of one turn of the event loop share one write; under load that is dozens of charges a system call.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Read in pieces: a journal of a long load test is bigger than the longest string. */
const READ_BYTES = 1 << 20;
const NEWLINE = 10;

export interface Journal {
  append(line: string): void;
  /** Resolves when everything appended so far is written. */
  flushed(): Promise<void>;
  /** Forgets everything. */
  truncate(): void;
  close(): void;
}

/** Opens the journal in `dataDir` after handing every complete line to `replay`. A torn last line is cut off. */
export function openJournal(dataDir: string, replay: (line: string) => void): Journal {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const fd = openSync(join(dataDir, "journal.jsonl"), "a+", 0o600);
  ftruncateSync(fd, replayLines(fd, replay));

  let pending = "";
  let flush: Promise<void> | null = null;
  let closed = false;

  const write = (): void => {
    flush = null;
    if (pending === "" || closed) return;
    const bytes = Buffer.from(pending);
    pending = "";
    let written = 0;
    while (written < bytes.length) written += writeSync(fd, bytes, written);
  };

  return {
    append(line) {
      pending += `${line}\n`;
      flush ??= new Promise((resolve, reject) => {
        setImmediate(() => {
          try {
            write();
            resolve();
          } catch (error) {
            reject(error);
          }
        });
      });
    },
    flushed: () => flush ?? Promise.resolve(),
    truncate() {
      pending = "";
      ftruncateSync(fd, 0);
    },
    close() {
      if (closed) return;
      write();
      closed = true;
      closeSync(fd);
    },
  };
}

/** Returns the length of the part that ends with a complete line. */
function replayLines(fd: number, replay: (line: string) => void): number {
  const piece = Buffer.alloc(READ_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  let completeBytes = 0;
  for (;;) {
    const length = readSync(fd, piece, 0, READ_BYTES, offset);
    if (length === 0) return completeBytes;
    offset += length;
    const bytes = Buffer.concat([rest, piece.subarray(0, length)]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      replay(bytes.toString("utf8", start, end));
      completeBytes += end + 1 - start;
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
}
