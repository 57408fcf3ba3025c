/**
 * Turns a password into the verifier that PostgreSQL stores (RFC 5802, RFC 7677). `ALTER ROLE` takes no
 * parameters, so what we send may end up in a server log or in pg_stat_activity: the verifier may, the
 * password must not.
 */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** PostgreSQL's own default. The passwords are 192 random bits: more rounds would only slow connects. */
const ITERATIONS = 4_096;
const KEY_BYTES = 32;

/** `salt` is 16 random bytes; `password` is ASCII (SASLprep would change nothing). */
export function toScramVerifier(password: string, salt: Uint8Array): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, KEY_BYTES, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString("base64")}$${storedKey}:${serverKey}`;
}
