/**
 * Open actors of machine versions that this build has forgotten would never move again, so a start with such
 * orders is refused. Newer versions are no trouble: they belong to newer nodes beside this one.
 */
import type { Statements } from "../db/access.ts";
import type { ActorKind } from "./actor.ts";

const MAX_LISTED = 20;

/** Throws an `Error` that lists the orders and says what to do. */
export async function refuseForgottenVersions(
  statements: Pick<Statements, "listForgottenActors">,
  kind: ActorKind,
): Promise<void> {
  const rows = await statements.listForgottenActors(kind, MAX_LISTED);
  const [first] = rows;
  if (first === undefined) return;
  const oldest = Math.min(...kind.machineVersions);
  const list = rows.map(({ id, version }) => `${id} (version ${version})`).join(", ");
  throw new Error(
    `${first.total} open orders of the kind ${kind.name} are of machine versions before ${oldest}, which this build can't ` +
      `restore: ${list}${first.total > rows.length ? ", …" : ""}. Start the build that knows them and let them end, or migrate their snapshots.`,
  );
}
