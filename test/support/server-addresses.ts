/** What the process that runs the servers (`servers.ts`) tells the test run. */
import { z } from "zod";

/** Migrated once for each run; every test database is a copy of it. */
export const TEMPLATE_DATABASE = "florin_template";

export const serverAddresses = z.object({
  /** Superuser, database `postgres`. */
  postgresOwnerUrl: z.string(),
  /** `florin_app`, database `postgres`. */
  postgresAppUrl: z.string(),
  redisUrl: z.string(),
  /** True when the Redis was started for this run: database numbers may be flushed. */
  ownsRedis: z.boolean(),
});

export type ServerAddresses = Readonly<z.infer<typeof serverAddresses>>;
