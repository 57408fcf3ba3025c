/** Rows by a time, as an index on a timestamp holds them: what is due is at the front, without a look at the rest. */
export class TimeIndex<T> {
  readonly #rows: T[] = [];
  readonly #timeOf: (row: T) => number;

  constructor(timeOf: (row: T) => number) {
    this.#timeOf = timeOf;
  }

  /** The first place whose time is at least (or, for `after`, greater than) that. */
  #find(ms: number, after: boolean): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.#rows[middle];
      if (row === undefined) break;
      const time = this.#timeOf(row);
      if (time < ms || (after && time === ms)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  add(row: T): void {
    const place = this.#find(this.#timeOf(row), true);
    if (place === this.#rows.length) this.#rows.push(row);
    else this.#rows.splice(place, 0, row);
  }

  delete(row: T): void {
    const place = this.#rows.indexOf(row, this.#find(this.#timeOf(row), false));
    if (place >= 0) this.#rows.splice(place, 1);
  }

  /** The first `limit` rows up to that time, oldest first, that pass. */
  first(limit: number, untilMs: number, passes: (row: T) => boolean): T[] {
    const found: T[] = [];
    for (const row of this.#rows) {
      if (found.length >= limit || this.#timeOf(row) > untilMs) break;
      if (passes(row)) found.push(row);
    }
    return found;
  }
}
