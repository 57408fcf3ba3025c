/**
 * PostgreSQL refuses to run as root, and root is what many containers and servers give us. Three ways:
 *
 * - not root: just run it.
 * - root with user namespaces: `unshare` maps root to another id inside. PostgreSQL sees a plain user, the
 *   kernel still sees root, so files stay root's and folders that only root may enter stay reachable.
 * - root without: drop to another account. Data and programs must then lie where that account may enter.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Launcher {
  readonly kind: "direct" | "user-namespace" | "other-account";
  /** Who must own the data on disk; null where ownership needs no care (not root). */
  readonly fileOwner: Account | null;
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess;
}

/** Nothing of our own environment is passed on: it may hold keys, and PG* variables would change behaviour. */
const CLEAN_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C",
  LC_ALL: "C",
  TZ: "UTC",
} as const;

const cleanOptions = (options: SpawnOptions): SpawnOptions =>
  process.platform === "win32" ? options : { ...options, env: CLEAN_ENVIRONMENT };

/** `initdb` looks its user up by name, so the account must exist; one of these does nearly everywhere. */
const PREFERRED_ACCOUNTS = ["postgres", "nobody"];

function findAccount(): Account {
  const accounts = new Map<string, Account>();
  if (existsSync("/etc/passwd")) {
    for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
      const [name, , uid, gid] = line.split(":");
      if (name && Number(uid) > 0 && Number(gid) > 0) accounts.set(name, { uid: Number(uid), gid: Number(gid) });
    }
  }
  for (const name of PREFERRED_ACCOUNTS) {
    const account = accounts.get(name);
    if (account) return account;
  }
  const [first] = accounts.values();
  if (first) return first;
  throw new Error(
    "PostgreSQL can't run as root, and this machine has no other account. Start Florin as another user, " +
      "or set DATABASE_URL to a PostgreSQL of your own.",
  );
}

export interface LauncherOptions {
  /** A program that exits at once with status 0 when it could be started: `initdb` with `--version`. */
  readonly probe: string;
  readonly allowUserNamespaces: boolean;
}

export function chooseLauncher({ probe, allowUserNamespaces }: LauncherOptions): Launcher {
  if (process.getuid?.() !== 0) {
    return {
      kind: "direct",
      fileOwner: null,
      spawn: (program, args, options) => spawn(program, args, cleanOptions(options)),
    };
  }
  const account = findAccount();
  const unshare = ["--user", `--map-user=${account.uid}`, `--map-group=${account.gid}`, "--"];
  const isNamespaceOpen =
    allowUserNamespaces &&
    process.platform === "linux" &&
    spawnSync("unshare", [...unshare, probe, "--version"], cleanOptions({ stdio: "ignore" })).status === 0;
  if (isNamespaceOpen) {
    return {
      kind: "user-namespace",
      fileOwner: { uid: 0, gid: 0 },
      spawn: (program, args, options) => spawn("unshare", [...unshare, program, ...args], cleanOptions(options)),
    };
  }
  return {
    kind: "other-account",
    fileOwner: account,
    spawn: (program, args, options) => spawn(program, args, { ...cleanOptions(options), ...account }),
  };
}
