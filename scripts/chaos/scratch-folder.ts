/** The folder of a run, watched over by a guardian that outlives the run by a moment and clears up behind it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface ScratchFolder {
  readonly folder: string;
  /** A folder below, made when missing. */
  subfolder(name: string): string;
  /** The folder stays when all else is cleared. */
  keep(): void;
  /** Kills what still works in the folder, and removes it unless it is kept. */
  clear(): Promise<void>;
}

const GUARDIAN = fileURLToPath(new URL("./guardian.ts", import.meta.url));
/** The database's account has to pass through, where PostgreSQL does not run as ourselves. */
const OTHERS_MAY_ENTER = 0o711;

export async function openScratchFolder(): Promise<ScratchFolder> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "florin-chaos-")));
  chmodSync(folder, OTHERS_MAY_ENTER);
  // A process group of its own: Ctrl-C reaches the run alone, whose end the guardian sees.
  const guardian = spawn(process.execPath, [GUARDIAN, folder], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(guardian, "exit");
  await Promise.race([once(guardian.stdout, "data"), ended]);
  guardian.unref();
  return {
    folder,
    subfolder(name) {
      const path = join(folder, name);
      mkdirSync(path, { recursive: true, mode: OTHERS_MAY_ENTER });
      return path;
    },
    keep() {
      guardian.stdin.write("keep\n");
    },
    async clear() {
      guardian.ref();
      guardian.stdin.end();
      await ended;
    },
  };
}
