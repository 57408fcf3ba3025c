/** The only reader of the environment. Every problem is reported at once, with what to write instead. */
import { resolve } from "node:path";
import { z } from "zod";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Without a slash at the end; null: from host and port once they are known. */
  readonly publicUrl: string | null;
  /** Null: the embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly migrationDatabaseUrl: string | null;
  /** Null: leases in process memory. */
  readonly redisUrl: string | null;
  readonly dataDir: string;
  readonly bootstrapApiKey: string | null;
  readonly simulator:
    | { readonly kind: "child"; readonly port: number }
    | { readonly kind: "remote"; readonly url: string }
    | { readonly kind: "off" };
  /** How the simulator reaches this Florin, without a slash at the end; null: by `publicUrl`. */
  readonly simulatorWebhookUrl: string | null;
  readonly pspTimeoutMs: number | null;
  readonly leaseTtlMs: number;
  readonly maxLiveActors: number;
  /** Requests a second for each API key; null: no limit. */
  readonly rateLimit: number | null;
  readonly logLevel: string;
  readonly webhookAllowPrivate: boolean;
  /** Entries that the Redis Stream of events keeps, about. */
  readonly eventStreamLength: number;
}

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** The most orders of one checkout: a node with less room would send it away each time that it comes back. */
const MIN_LIVE_ACTORS = 100;

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,12}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((number) => number >= min && number <= max, `a whole number from ${min} to ${max}`);

const url = (protocols: readonly string[], example: string) =>
  z.string().refine((text) => {
    const protocol = URL.canParse(text) ? new URL(text).protocol.slice(0, -1) : text.split("://", 1)[0];
    return protocol !== undefined && text.includes("://") && protocols.includes(protocol);
  }, `an address such as ${example}`);

const postgresUrl = url(["postgres", "postgresql"], "postgres://user:password@host:5432/florin");
const httpUrl = url(["http", "https"], "https://pay.example.com");

const environment = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: whole(0, 65_535).default(3_000),
  PUBLIC_URL: httpUrl.optional(),
  DATABASE_URL: postgresUrl.optional(),
  MIGRATION_DATABASE_URL: postgresUrl.optional(),
  REDIS_URL: url(["redis", "rediss", "redis+sentinel", "redis+cluster"], "redis://127.0.0.1:6379").optional(),
  DATA_DIR: z.string().default("./.data"),
  BOOTSTRAP_API_KEY: z
    .string()
    .regex(/^sk_(test|live)_[A-Za-z0-9_-]{16,200}$/, "sk_test_ or sk_live_ and 16 or more of A-Z a-z 0-9 _ -")
    .optional(),
  PSP_SIMULATOR_PORT: z.union([z.literal("off"), whole(0, 65_535)]).default(3_001),
  PSP_SIMULATOR_URL: httpUrl.optional(),
  PSP_SIMULATOR_WEBHOOK_URL: httpUrl.optional(),
  PSP_TIMEOUT_MS: whole(50, 120_000).optional(),
  LEASE_TTL_MS: whole(500, 600_000).default(10_000),
  MAX_LIVE_ACTORS: whole(MIN_LIVE_ACTORS, 10_000_000).default(100_000),
  RATE_LIMIT: whole(1, 1_000_000).optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  EVENT_STREAM_LENGTH: whole(1_000, 100_000_000).default(100_000),
  WEBHOOK_ALLOW_PRIVATE: z.enum(["true", "false"]).default("false"),
});

/** What the environment says that can't be meant; `message` has one line for each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads the configuration; an empty value counts as none. Throws `ConfigError`. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    // Values are left out: some of them are secrets.
    const lines = parsed.error.issues.map((issue) => `${issue.path.join(".")} must be ${expected(issue.message)}`);
    throw new ConfigError(lines.join("\n"));
  }
  const values = parsed.data;
  return {
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL?.replace(/\/+$/, "") ?? null,
    databaseUrl: values.DATABASE_URL ?? null,
    migrationDatabaseUrl: values.MIGRATION_DATABASE_URL ?? values.DATABASE_URL ?? null,
    redisUrl: values.REDIS_URL ?? null,
    dataDir: resolve(values.DATA_DIR),
    bootstrapApiKey: values.BOOTSTRAP_API_KEY ?? null,
    simulator: toSimulator(values.PSP_SIMULATOR_URL, values.PSP_SIMULATOR_PORT),
    simulatorWebhookUrl: values.PSP_SIMULATOR_WEBHOOK_URL?.replace(/\/+$/, "") ?? null,
    pspTimeoutMs: values.PSP_TIMEOUT_MS ?? null,
    leaseTtlMs: values.LEASE_TTL_MS,
    maxLiveActors: values.MAX_LIVE_ACTORS,
    rateLimit: values.RATE_LIMIT ?? null,
    logLevel: values.LOG_LEVEL,
    eventStreamLength: values.EVENT_STREAM_LENGTH,
    webhookAllowPrivate: values.WEBHOOK_ALLOW_PRIVATE === "true",
  };
}

function toSimulator(remoteUrl: string | undefined, port: number | "off"): Config["simulator"] {
  if (remoteUrl !== undefined) return { kind: "remote", url: remoteUrl.replace(/\/+$/, "") };
  return port === "off" ? { kind: "off" } : { kind: "child", port };
}

/** Zod's own messages are for programmers; ours already say what to write. */
function expected(message: string): string {
  return message.startsWith("Invalid") ? `another value (${message})` : message;
}
