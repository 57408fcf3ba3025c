/** One actor of one merchant. */
export interface ActorKey {
  readonly merchantId: number;
  readonly actorId: string;
}

/** An order has a dozen rows of history, a stubborn one a hundred; the bound keeps a freak from filling memory. */
export const MAX_HISTORY = 2_000;
