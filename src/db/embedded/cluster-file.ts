/**
 * What must be remembered about the embedded cluster: its passwords, its name and its port. One file in the
 * data folder, mode 0600, replaced as a whole, so that a crash leaves the old or the new one, never half.
 */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { z } from "zod";
import type { Random } from "../../core/ports.ts";

const clusterFile = z.object({
  version: z.literal(1),
  /** Names the cluster, so that we know a running server as ours. */
  clusterId: z.string().regex(/^[0-9a-f]{16}$/),
  ownerPassword: z.string().min(20),
  appPassword: z.string().min(20),
  port: z.number().int().nullable(),
});

export type Cluster = Readonly<z.infer<typeof clusterFile>>;

/** 192 bits, in characters that need no escaping in a URL. */
const PASSWORD_BYTES = 24;

const newPassword = (random: Random): string => Buffer.from(random.bytes(PASSWORD_BYTES)).toString("base64url");

export function newCluster(random: Random): Cluster {
  return {
    version: 1,
    clusterId: Buffer.from(random.bytes(8)).toString("hex"),
    ownerPassword: newPassword(random),
    appPassword: newPassword(random),
    port: null,
  };
}

/** Null when there is none yet. Throws when it can't be read: a new one would lock us out of the database. */
export function readCluster(file: string): Cluster | null {
  if (!existsSync(file)) return null;
  const text = readFileSync(file, "utf8");
  chmodSync(file, 0o600);
  try {
    return clusterFile.parse(JSON.parse(text));
  } catch {
    // The parse error is not passed on: it can quote the file, which holds passwords.
    throw new Error(`${file} is damaged. It holds the passwords of the embedded database: restore it from a backup.`);
  }
}

export function writeCluster(file: string, cluster: Cluster): void {
  const next = `${file}.new`;
  const handle = openSync(next, "w", 0o600);
  writeSync(handle, `${JSON.stringify(cluster, null, 2)}\n`);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(next, file);
}
