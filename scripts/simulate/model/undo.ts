/** What takes back the writes of one statement, the last first. A statement happens whole or not at all. */
export interface UndoLog {
  push(step: () => void): void;
  /** Notes an actor (`merchant/uuid`) whose rows are written. */
  touch(key: string): void;
}

export class Undo implements UndoLog {
  readonly #steps: (() => void)[] = [];
  readonly touched = new Set<string>();

  push(step: () => void): void {
    this.#steps.push(step);
  }

  touch(key: string): void {
    this.touched.add(key);
  }

  /** Whether the statement wrote anything. */
  get hasSteps(): boolean {
    return this.#steps.length > 0;
  }

  rollBack(): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) step();
  }
}

/** For a statement that checks everything before its first write. */
export const NO_UNDO: UndoLog = { push: () => {}, touch: () => {} };
