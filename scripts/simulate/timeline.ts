/**
 * Virtual time: a queue of what happens when. Nothing waits; the clock jumps to the next entry. Between two entries every
 * promise that can settle has settled, so the same entries in the same order give the same run.
 */

interface Entry {
  readonly atMs: number;
  /** Breaks ties: what was planned first happens first. */
  readonly number: number;
  run: (() => void | Promise<void>) | null;
}

export interface Timeline {
  /** Milliseconds since the run began. */
  nowMs(): number;
  /** Returns the way to call it off. */
  at(atMs: number, run: () => void | Promise<void>): () => void;
  in(ms: number, run: () => void | Promise<void>): () => void;
  /** Resolves after so much virtual time, whatever dies meanwhile. For what is no part of a process. */
  sleep(ms: number): Promise<void>;
  /** Runs until `isDone()` or until the time has come; false when there is nothing left to do before. */
  runUntil(untilMs: number, isDone?: () => boolean): Promise<void>;
  /** Entries that were run. */
  count(): number;
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

export function createTimeline(): Timeline {
  const heap: Entry[] = [];
  let nowMs = 0;
  let numbers = 0;
  let done = 0;

  const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);

  function push(entry: Entry): void {
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  function pop(): Entry {
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length > 0) {
      let index = 0;
      for (;;) {
        let child = index * 2 + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
        if (!isBefore(heap[child] as Entry, last)) break;
        heap[index] = heap[child] as Entry;
        index = child;
      }
      heap[index] = last;
    }
    return first;
  }

  const at = (atMs: number, run: () => void | Promise<void>): (() => void) => {
    numbers += 1;
    const entry: Entry = { atMs: Math.max(atMs, nowMs), number: numbers, run };
    push(entry);
    return () => {
      entry.run = null;
    };
  };

  return {
    nowMs: () => nowMs,
    at,
    in: (ms, run) => at(nowMs + ms, run),
    sleep: (ms) => new Promise((resolve) => void at(nowMs + ms, resolve)),
    async runUntil(untilMs, isDone) {
      await settled();
      while (heap.length > 0 && (heap[0] as Entry).atMs <= untilMs) {
        const { atMs, run } = pop();
        if (run === null) continue;
        nowMs = Math.max(nowMs, atMs);
        done += 1;
        await run();
        await settled();
        if (isDone?.() === true) return;
      }
      if (isDone === undefined) nowMs = Math.max(nowMs, untilMs);
    },
    count: () => done,
  };
}
