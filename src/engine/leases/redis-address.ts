/**
 * The forms of `REDIS_URL`. ioredis reads `redis://` and `rediss://` only; for Sentinel and Cluster there is
 * no common form, so these are ours:
 *
 *   redis://[user][:password]@host:port/db                       rediss:// for TLS
 *   redis+sentinel://[user][:password]@h1:p1,h2:p2/master[/db]   the password is the master's
 *   redis+cluster://[user][:password]@h1:p1,h2:p2                any node of the cluster
 *
 * `rediss+sentinel://` and `rediss+cluster://` use TLS to the Redis servers. `?sentinelPassword=` is the
 * Sentinels' own password.
 */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

interface Common {
  readonly isTls: boolean;
  readonly credentials: RedisCredentials;
  readonly nodes: readonly RedisNode[];
}

export type RedisAddress =
  | ({ readonly kind: "single"; readonly db: number } & Common)
  | ({
      readonly kind: "sentinel";
      readonly master: string;
      readonly db: number;
      readonly sentinelPassword: string | null;
    } & Common)
  | ({ readonly kind: "cluster" } & Common);

const DEFAULT_PORT = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;
const SHAPE = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?#]*)((?:\/[^?#]*)?)(?:\?([^#]*))?$/;

/** Throws `TypeError` with the accepted forms; never repeats the URL, which may hold a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const match = SHAPE.exec(url.trim());
  if (match === null) throw malformed("it does not look like redis://host:port");
  const [, scheme, mode, login = "", hosts = "", path = "", query = ""] = match;
  const kind = mode === "sentinel" || mode === "cluster" ? mode : "single";
  const nodes = hosts.split(",").map((host) => parseNode(host, DEFAULT_PORT[kind]));
  if (kind === "single" && nodes.length > 1)
    throw malformed("several hosts need redis+sentinel:// or redis+cluster://");
  const common = { isTls: scheme === "rediss", credentials: parseLogin(login), nodes };
  const segments = path
    .split("/")
    .filter((segment) => segment !== "")
    .map(decodeURIComponent);
  switch (kind) {
    case "cluster":
      if (segments.length > 0) throw malformed("a cluster has no database numbers");
      return { kind, ...common };
    case "sentinel": {
      const [master, db, ...rest] = segments;
      if (master === undefined || rest.length > 0) throw malformed("Sentinel needs /master-name or /master-name/db");
      const sentinelPassword = new URLSearchParams(query).get("sentinelPassword");
      return { kind, ...common, master, db: parseDb(db), sentinelPassword };
    }
    case "single":
      if (segments.length > 1) throw malformed("the path is a database number");
      return { kind, ...common, db: parseDb(segments[0]) };
  }
}

function parseNode(text: string, defaultPort: number): RedisNode {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) throw malformed("a host or port is missing");
  return { host, port };
}

function parseLogin(login: string): RedisCredentials {
  if (login === "") return {};
  const colon = login.indexOf(":");
  const username = decodeURIComponent(colon < 0 ? login : login.slice(0, colon));
  const password = colon < 0 ? "" : decodeURIComponent(login.slice(colon + 1));
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}

function parseDb(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,5}$/.test(text)) throw malformed("the database number is not a number");
  return Number(text);
}

function malformed(reason: string): TypeError {
  return new TypeError(
    `REDIS_URL can't be read: ${reason}. Forms: redis://host:port/db, rediss://host:port/db, ` +
      "redis+sentinel://host:port,host:port/master-name, redis+cluster://host:port,host:port.",
  );
}
