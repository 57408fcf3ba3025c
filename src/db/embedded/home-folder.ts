/**
 * Decides where the server's files lie and makes them belong to the account that runs it. Normally that is
 * `DATA_DIR/postgres`. Only when PostgreSQL runs as another account that can't enter DATA_DIR (a clone below
 * a mode-700 home of root, user namespaces closed) they live below /var/lib/florin, and a file in DATA_DIR
 * says so: once moved they stay there, whatever later starts could do.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  lchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { type Binaries, binariesBelow } from "./binaries.ts";
import type { Account, Launcher } from "./launcher.ts";

export interface HomeFolder {
  readonly home: string;
  /** PGDATA. */
  readonly data: string;
  readonly log: string;
  /** What the server says before its own log is open, and why it could not start. */
  readonly startLog: string;
  readonly binaries: Binaries;
}

const EXTERNAL_ROOT = "/var/lib/florin";
const OTHERS_MAY_ENTER = 0o001;

/** Where the files of this data folder go when the server's account can't enter it. */
export function externalHomeOf(dataDir: string): string {
  return join(EXTERNAL_ROOT, createHash("sha256").update(dataDir).digest("hex").slice(0, 16));
}

function canEnter(folder: string, account: Account): boolean {
  const { mode, uid } = statSync(folder);
  const isOpen = uid === account.uid || (mode & OTHERS_MAY_ENTER) !== 0;
  const parent = dirname(folder);
  return isOpen && (parent === folder || canEnter(parent, account));
}

/** Gives a whole tree to an account; a tree whose top already belongs to it is taken as done. */
function giveTree(path: string, account: Account): void {
  if (!existsSync(path) || statSync(path).uid === account.uid) return;
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    lchownSync(join(entry.parentPath, entry.name), account.uid, account.gid);
  }
  chownSync(path, account.uid, account.gid);
}

/** Copies modes, which `cpSync` leaves out for folders and PostgreSQL insists on, and forces everything to the disk. */
function settleCopy(from: string, to: string): void {
  chmodSync(to, statSync(from).mode);
  forceToDisk(to);
}

function forceToDisk(path: string): void {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function moveTree(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // Another file system: copy under a passing name, so that a crash leaves no half copy under the real one.
    const part = `${to}.part`;
    rmSync(part, { recursive: true, force: true });
    cpSync(from, part, { recursive: true, verbatimSymlinks: true });
    for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
      const path = relative(from, join(entry.parentPath, entry.name));
      if (entry.isFile() || entry.isDirectory()) settleCopy(join(from, path), join(part, path));
    }
    settleCopy(from, part);
    renameSync(part, to);
    forceToDisk(dirname(to));
    rmSync(from, { recursive: true, force: true });
  }
}

function placeHome(dataDir: string, account: Account | null): string {
  const inside = join(dataDir, "postgres");
  const pointer = join(dataDir, "postgres.location");
  if (existsSync(pointer)) return readFileSync(pointer, "utf8").trim();
  if (account === null || account.uid === 0) return inside;
  if (canEnter(dirname(dataDir), account)) {
    chmodSync(dataDir, statSync(dataDir).mode | OTHERS_MAY_ENTER);
    return inside;
  }
  const outside = externalHomeOf(dataDir);
  mkdirSync(EXTERNAL_ROOT, { recursive: true, mode: 0o711 });
  if (existsSync(inside) && !existsSync(outside)) moveTree(inside, outside);
  writeFileSync(pointer, `${outside}\n`);
  return outside;
}

function placeBinaries(binaries: Binaries, home: string, account: Account | null): Binaries {
  if (account === null || account.uid === 0 || canEnter(join(binaries.root, "bin"), account)) return binaries;
  const copy = join(home, `software-${binaries.version}`);
  if (!existsSync(copy)) {
    rmSync(`${copy}.part`, { recursive: true, force: true });
    cpSync(binaries.root, `${copy}.part`, { recursive: true, verbatimSymlinks: true });
    giveTree(`${copy}.part`, account);
    renameSync(`${copy}.part`, copy);
  }
  return binariesBelow(copy, binaries.version);
}

export function prepareHome(dataDir: string, found: Binaries, launcher: Launcher): HomeFolder {
  const home = placeHome(dataDir, launcher.fileOwner);
  const folders = { home, data: join(home, "data"), log: join(home, "log") };
  mkdirSync(folders.home, { recursive: true, mode: 0o700 });
  mkdirSync(folders.log, { recursive: true, mode: 0o700 });
  if (launcher.fileOwner) {
    for (const tree of [folders.data, folders.log]) giveTree(tree, launcher.fileOwner);
    chownSync(folders.home, launcher.fileOwner.uid, launcher.fileOwner.gid);
  }
  return {
    ...folders,
    startLog: join(home, "start.log"),
    binaries: placeBinaries(found, folders.home, launcher.fileOwner),
  };
}
