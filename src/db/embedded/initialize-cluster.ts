/**
 * Makes the embedded cluster once. `initdb` works under a passing name and the result is renamed when it is
 * whole, so a folder called `data` is always a complete cluster. The password reaches `initdb` through a
 * file of mode 0600 (the command line is readable by everybody) that is gone afterwards, also after a crash.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { HomeFolder } from "./home-folder.ts";
import type { Launcher } from "./launcher.ts";

export const OWNER_ROLE = "florin_owner";
const MAJOR_VERSION = "18";

export interface InitializeCluster {
  readonly home: HomeFolder;
  readonly launcher: Launcher;
  readonly ownerPassword: string;
}

export function hasCluster(home: HomeFolder): boolean {
  const file = join(home.data, "PG_VERSION");
  if (!existsSync(file)) return false;
  const version = readFileSync(file, "utf8").trim();
  if (version !== MAJOR_VERSION) {
    throw new Error(
      `The database in ${home.data} was made by PostgreSQL ${version}, this Florin brings ${MAJOR_VERSION}. ` +
        "Start it once with the Florin that made it, copy it with pg_dump, and restore it into an empty DATA_DIR.",
    );
  }
  return true;
}

export async function initializeCluster({ home, launcher, ownerPassword }: InitializeCluster): Promise<void> {
  const passing = `${home.data}.new`;
  const passwordFile = join(home.home, "initdb-password");
  rmSync(passing, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  mkdirSync(passing, { mode: 0o700 });
  writeFileSync(passwordFile, `${ownerPassword}\n`, { mode: 0o600, flag: "wx" });
  if (launcher.fileOwner) {
    for (const path of [passing, passwordFile]) chownSync(path, launcher.fileOwner.uid, launcher.fileOwner.gid);
  }
  const args = ["-D", passing, `--username=${OWNER_ROLE}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  // The built-in C.UTF-8 sorts the same on every machine: no index breaks when an operating system is updated.
  const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  try {
    const child = launcher.spawn(home.binaries.initdb, [...args, ...locale, "--data-checksums", "--no-instructions"], {
      cwd: home.home,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", resolve);
    });
    const output = Promise.all([child.stdout, child.stderr].map((stream) => (stream ? text(stream) : "")));
    const code = await ended;
    if (code !== 0) {
      throw new Error(
        `initdb could not make the embedded database in ${home.data}:\n${(await output).join("\n").trim()}`,
      );
    }
    renameSync(passing, home.data);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}
