/** The model and PostgreSQL behind one face, so that a step is written once. */
import type { ModelDatabase } from "../model-contract.ts";
import type { Statements } from "../../../src/db/access.ts";
import type { Reads } from "../../../src/db/reads.ts";
import type { CommitParameters } from "../../../src/db/statements/commit-steps.ts";

/** The same arguments, and an answer now or later. */
type Loose<T> = {
  readonly [Name in keyof T]: T[Name] extends (...rest: infer Arguments) => unknown
    ? (...rest: Arguments) => unknown
    : never;
};

export interface Side {
  readonly statements: Loose<Statements>;
  readonly reads: Loose<Reads>;
  commitSteps(parameters: CommitParameters): unknown;
  beatNode(node: string, name: string): unknown;
  stopNode(node: string): unknown;
  insertSetting(name: string, value: string): unknown;
  /** A node's last heartbeat, moved back in time. */
  ageNode(node: string, byMs: number): unknown;
}

export function toModelSide(model: ModelDatabase): Side {
  return {
    statements: model.statements,
    reads: model.reads,
    commitSteps: (parameters) => model.commitSteps(parameters),
    beatNode: (node, name) => model.beatNode(node, name),
    stopNode: (node) => model.stopNode(node),
    insertSetting: (name, value) => model.insertSetting(name, value),
    ageNode(node, byMs) {
      const row = model.tables.nodes.get(node);
      if (row !== undefined) row.heartbeatAtMs -= byMs;
    },
  };
}
