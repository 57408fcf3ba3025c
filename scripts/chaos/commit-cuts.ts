/**
 * Cuts connections exactly at Florin's COMMIT, which is the end of one statement: before the statement reached the
 * server, or after the server carried it out and before the client heard so. In the second case the client must find
 * out by itself that it has committed.
 */
import type { PostgresMessage } from "../support/postgres-messages.ts";
import type { ProxiedConnection, TcpProxy, Verdict } from "../support/tcp-proxy.ts";

export interface CommitCuts {
  /** Resolves when the next commit was cut off before the server got it. */
  cutBefore(): Promise<void>;
  /** Resolves when the answer to the next commit was cut off. */
  cutAfter(): Promise<void>;
}

const COMMIT = "commit_steps(";

export function createCommitCuts(door: TcpProxy): CommitCuts {
  const before: (() => void)[] = [];
  const after: (() => void)[] = [];
  const committing = new WeakSet<ProxiedConnection>();

  const takeOne = (wishes: (() => void)[]): Verdict => {
    const done = wishes.shift();
    done?.();
    return done === undefined ? "pass" : "cut";
  };
  door.onClientMessage = ({ type, sql }: PostgresMessage, connection) => {
    if (type !== "E" || sql?.includes(COMMIT) !== true) return "pass";
    if (takeOne(before) === "cut") return "cut";
    committing.add(connection);
    return "pass";
  };
  door.onServerMessage = ({ type }, connection) => {
    // ReadyForQuery: only now has the transaction surely ended. The client takes nothing before it for an answer.
    if (type !== "Z" || !committing.delete(connection)) return "pass";
    return takeOne(after);
  };
  const wish = (wishes: (() => void)[]): Promise<void> => new Promise((resolve) => wishes.push(resolve));
  return { cutBefore: () => wish(before), cutAfter: () => wish(after) };
}
