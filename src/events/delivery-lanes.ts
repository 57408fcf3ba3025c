/**
 * How many deliveries one node has under way, to each endpoint and in all. An endpoint begins with one place, gets
 * twice as many with every success and is back at one with every failure: so one that hangs holds one place, and ten
 * that hang hold ten. Attempts that take long count no more among the quick ones, whose number is limited: waiting
 * costs a socket and nothing else, and must not keep others from being told. Of those places one merchant has a share
 * at most, and who has the fewest comes first (`claim_deliveries`): a thousand that hang are still one merchant.
 */
import type { EndpointPlaces, MerchantAttempts } from "../db/statements/deliveries.ts";

export interface DeliveryLanes {
  /** How many may be begun now. */
  free(nowMs: number): number;
  /** Endpoints that have another number of places left than a new one, which has `NEW_ENDPOINT_PLACES`. */
  places(): readonly EndpointPlaces[];
  /** Attempts under way that count among the quick ones, of each merchant that has any. */
  underWay(nowMs: number): readonly MerchantAttempts[];
  begin(target: LaneTarget, nowMs: number): LaneTicket;
  inFlight(): number;
}

export interface LaneTarget {
  readonly merchantId: number;
  readonly endpointId: string;
}

export interface LaneTicket {
  /** Call once. Whether the endpoint can take a group of deliveries again, so that asking for one is worth it. */
  end(isSuccess: boolean): boolean;
}

export const NEW_ENDPOINT_PLACES = 1;
const MAX_ENDPOINT_PLACES = 32;
/** Attempts younger than `SLOW_AFTER_MS`. */
const MAX_QUICK = 160;
/** The rest is kept for whoever comes: its first event must not wait until those of another are slow. */
export const MAX_QUICK_OF_MERCHANT = 128;
const SLOW_AFTER_MS = 2_000;
const MAX_IN_ALL = 2_048;
/** Endpoints whose places are remembered while nothing goes there. */
const MAX_REMEMBERED = 2_000;

interface Lane {
  limit: number;
  inFlight: number;
}

/** None until half of them are: a claim for each place that becomes free would be one question for each delivery. */
function freeOf({ limit, inFlight }: Lane): number {
  const free = limit - inFlight;
  return free * 2 >= limit ? free : 0;
}

export function createDeliveryLanes(): DeliveryLanes {
  const lanes = new Map<string, Lane>();
  const started = new Set<{ readonly merchantId: number; readonly atMs: number }>();

  function countQuick(nowMs: number): ReadonlyMap<number, number> {
    const quick = new Map<number, number>();
    for (const { merchantId, atMs } of started) {
      if (nowMs - atMs < SLOW_AFTER_MS) quick.set(merchantId, (quick.get(merchantId) ?? 0) + 1);
    }
    return quick;
  }

  return {
    free(nowMs) {
      let quick = 0;
      for (const attempts of countQuick(nowMs).values()) quick += attempts;
      return Math.max(0, Math.min(MAX_QUICK - quick, MAX_IN_ALL - started.size));
    },
    places() {
      const places: EndpointPlaces[] = [];
      for (const [endpointId, lane] of lanes) {
        const free = freeOf(lane);
        if (free !== NEW_ENDPOINT_PLACES) places.push({ endpointId, free });
      }
      return places;
    },
    underWay: (nowMs) => [...countQuick(nowMs)].map(([merchantId, attempts]) => ({ merchantId, attempts })),
    begin({ merchantId, endpointId }, nowMs) {
      const lane = lanes.get(endpointId) ?? { limit: NEW_ENDPOINT_PLACES, inFlight: 0 };
      lane.inFlight += 1;
      lanes.set(endpointId, lane);
      const attempt = { merchantId, atMs: nowMs };
      started.add(attempt);
      return {
        end(isSuccess) {
          started.delete(attempt);
          lane.inFlight -= 1;
          lane.limit = isSuccess ? Math.min(lane.limit * 2, MAX_ENDPOINT_PLACES) : NEW_ENDPOINT_PLACES;
          const isForgettable = lane.inFlight === 0 && (!isSuccess || lanes.size > MAX_REMEMBERED);
          if (isForgettable) lanes.delete(endpointId);
          return freeOf(lane) > 0;
        },
      };
    },
    inFlight: () => started.size,
  };
}
