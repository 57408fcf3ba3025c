/**
 * Runs in which the simulation found a mistake of Florin's. What a seed does depends on the simulation too, so each mistake
 * also has a test of its own, named here.
 */
export interface KeptSeed {
  readonly seed: number;
  readonly found: string;
  /** File and title. */
  readonly test: string;
}

export const KEPT_SEEDS: readonly KeptSeed[] = [
  {
    seed: 7,
    found: "a statement outside the group commit that lost a conflict was answered 500",
    test: "test/http/refusals.test.ts: a database that is away or in conflict (%s) is temporary",
  },
  {
    seed: 304,
    found: "a node whose clock ran ahead fired an order's next deadline early, because it had seen the one before",
    test: "test/engine/mechanisms.test.ts: a deadline that was overtaken is not fired for the next one, whatever this machine's clock says",
  },
  {
    seed: 563,
    found:
      "an order whose creation was still being committed was taken for a stray by its creator, asked about, and then sent blind",
    test: "test/engine/mechanisms.test.ts: an order that is being created is alive to its creator",
  },
  {
    seed: 70_115,
    found: "an order that a newer build moved between its look-up and its command was answered 404",
    test: "test/payments/operator-commands.test.ts: but only since it was looked up is answered the same",
  },
  {
    seed: 107712,
    found:
      "a cancel that came before the news of an order's creation took the order from its row and asked about it; then the news came, and it was sent",
    test: "test/engine/mechanisms.test.ts: what comes for an order that is being created waits for the news of its creation",
  },
];
