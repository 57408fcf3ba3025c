/** Actors as they lie in the database: read, adopted from the dead, given up, set aside. Outside the group commit. */
import type { Statements } from "../db/access.ts";
import type { ActorRow } from "../db/statements/actors.ts";
import type { ActorKind, ActorRef, LoadResult, StoredActor, UnreadableActor } from "./actor.ts";
import { OWNERSHIP_MS } from "./ownership.ts";

export interface ActorStore {
  /** Reads actors by reference; those that don't exist or that this build can't know are left out. */
  load(kind: ActorKind, refs: readonly ActorRef[]): Promise<LoadResult>;
  /** Counts the actors that `adopt` would take. */
  countOrphans(kind: ActorKind): Promise<number>;
  /** Takes up to `limit` actors from owners that are gone, by bumping their fencing tokens. Safe in parallel. */
  adopt(kind: ActorKind, limit: number): Promise<LoadResult>;
  /** The actors that are this node's; on a healthy node those in its memory. */
  listOwned(kind: ActorKind): Promise<readonly ActorRef[]>;
  /** Takes actors anew that are this node's already, as `adopt` takes another's. */
  reclaim(kind: ActorKind, refs: readonly ActorRef[]): Promise<LoadResult>;
  /** Gives up an actor that this node owns and has nothing to do for, unless it has moved on since that version. */
  release(kind: ActorKind, ref: ActorRef, version: number): Promise<void>;
  /** Sets it aside, unless it has moved on since that version or is another node's. */
  quarantine(kind: ActorKind, broken: Omit<UnreadableActor, "owner">): Promise<void>;
  /** The stored bytes of an operation, for sending them again. Throws when there are none. */
  loadRequest(ref: ActorRef, operationNumber: number): Promise<string>;
}

const MAX_REASON_LENGTH = 1_000;

export interface ActorStoreOptions {
  readonly statements: Pick<
    Statements,
    | "loadActors"
    | "countOrphans"
    | "adoptActors"
    | "listOwnedActors"
    | "reclaimActors"
    | "releaseActor"
    | "quarantineActor"
    | "findStoredRequest"
  >;
  readonly node: string;
}

function restoreAll(kind: ActorKind, rows: readonly ActorRow[]): LoadResult {
  const actors: StoredActor[] = [];
  const unreadable: UnreadableActor[] = [];
  for (const row of rows) {
    const result = kind.restore(row);
    if ("reason" in result) unreadable.push(result);
    else actors.push(result);
  }
  return { actors, unreadable };
}

export function createActorStore({ statements, node }: ActorStoreOptions): ActorStore {
  const adopter = { node, ownershipMs: OWNERSHIP_MS };
  return {
    load: async (kind, refs) => restoreAll(kind, await statements.loadActors(kind, refs)),
    countOrphans: (kind) => statements.countOrphans(kind, adopter),
    adopt: async (kind, limit) => restoreAll(kind, await statements.adoptActors(kind, adopter, limit)),
    async listOwned(kind) {
      const owned = await statements.listOwnedActors(kind, node);
      return owned.map(({ merchantId, id }) => ({ kind: kind.name, merchantId, id }));
    },
    reclaim: async (kind, refs) => restoreAll(kind, await statements.reclaimActors(kind, node, refs)),
    release: (kind, ref, version) => statements.releaseActor(kind, { ...ref, node, version }),
    quarantine: (kind, { ref, version, reason }) =>
      statements.quarantineActor(kind, { ...ref, node, version, reason: reason.slice(0, MAX_REASON_LENGTH) }),
    async loadRequest(ref, operationNumber) {
      const request = await statements.findStoredRequest(ref, operationNumber);
      if (request === null) throw new Error(`no stored request for operation ${operationNumber} of order ${ref.id}`);
      return request;
    },
  };
}
