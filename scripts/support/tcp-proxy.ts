/**
 * A TCP proxy between our code and PostgreSQL, with a hook for every message. It makes the failures that
 * decide about money repeatable: the connection is lost before the server got the COMMIT, after the server
 * committed but before we heard so, or while the server still waits for a lock.
 */
import { connect, createServer, type Socket } from "node:net";
import {
  createClientReader,
  createServerReader,
  type MessageReader,
  type PostgresMessage,
} from "./postgres-messages.ts";

/** `cut` loses this message and the connection. */
export type Verdict = "pass" | "cut";

/** One connection through the proxy; the same object for both its directions. */
export interface ProxiedConnection {
  cut(): void;
}

/** A promise holds this message, and all behind it in that direction, until it settles. */
export type MessageHook = (message: PostgresMessage, connection: ProxiedConnection) => Verdict | Promise<Verdict>;

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** The same URL, through the proxy. */
  through(url: string): string;
  /** Where connections that are opened from now on go. */
  retarget(target: string | TcpProxyTarget): void;
  /** Sees each message before the server does. Null lets all pass. */
  onClientMessage: MessageHook | null;
  /** Sees each message before the client does. Null lets all pass. */
  onServerMessage: MessageHook | null;
  /** Loses every open connection: the client gets a reset, the server the end of the stream. */
  cut(): void;
  /** Holds all bytes in both directions without closing anything: a network that swallows packets. */
  pause(): void;
  resume(): void;
  connectionCount(): number;
  close(): Promise<void>;
}

export interface TcpProxyTarget {
  readonly host: string;
  readonly port: number;
}

const DENY_ENCRYPTION = Buffer.from("N");

const toAddress = (target: string | TcpProxyTarget): TcpProxyTarget =>
  typeof target === "string" ? { host: new URL(target).hostname, port: Number(new URL(target).port || 5432) } : target;

/** `target` is an URL such as `ownerUrl` of a test database, or an address. */
export async function createTcpProxy(target: string | TcpProxyTarget): Promise<TcpProxy> {
  let address = toAddress(target);
  const connections = new Set<ProxiedConnection>();
  let gate = Promise.withResolvers<void>();
  gate.resolve();

  const forward = (
    from: Socket,
    to: Socket,
    reader: MessageReader,
    judge: MessageHook,
    connection: ProxiedConnection,
  ): void => {
    let work: Promise<void> = Promise.resolve();
    const pass = async (chunk: Buffer): Promise<void> => {
      for (const message of reader.read(chunk)) {
        await gate.promise;
        if (!connections.has(connection)) return;
        if (message.type === "ssl-request" || message.type === "gss-request") {
          // The client goes on in plain text; encrypted messages could not be told apart.
          from.write(DENY_ENCRYPTION);
          continue;
        }
        const verdict = await judge(message, connection);
        if (!connections.has(connection)) return;
        if (verdict === "cut") return connection.cut();
        to.write(message.bytes);
      }
    };
    from.on("data", (chunk: Buffer) => {
      work = work.then(() => pass(chunk)).catch(() => connection.cut());
    });
    from.on("end", () => {
      work = work.then(() => void to.end());
    });
  };

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ ...address, noDelay: true });
    const connection: ProxiedConnection = {
      cut() {
        if (!connections.delete(connection)) return;
        // What was let through before still arrives at the server; the client gets nothing more.
        client.resetAndDestroy();
        upstream.destroySoon();
      },
    };
    connections.add(connection);
    for (const socket of [client, upstream]) {
      socket.on("error", () => connection.cut());
      socket.on("close", () => connection.cut());
    }
    forward(
      client,
      upstream,
      createClientReader(),
      (message) => proxy.onClientMessage?.(message, connection) ?? "pass",
      connection,
    );
    forward(
      upstream,
      client,
      createServerReader(),
      (message) => proxy.onServerMessage?.(message, connection) ?? "pass",
      connection,
    );
  });
  const listening = Promise.withResolvers<number>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", () => {
    const own = server.address();
    listening.resolve(own !== null && typeof own === "object" ? own.port : 0);
  });
  const port = await listening.promise;

  const close = (): Promise<void> =>
    new Promise((resolve) => {
      gate.resolve();
      server.close(() => resolve());
      for (const connection of connections) connection.cut();
    });

  const proxy: TcpProxy = {
    port,
    through(url) {
      const changed = new URL(url);
      changed.hostname = "127.0.0.1";
      changed.port = String(port);
      return changed.href;
    },
    retarget(next) {
      address = toAddress(next);
    },
    onClientMessage: null,
    onServerMessage: null,
    cut() {
      for (const connection of connections) connection.cut();
    },
    pause() {
      gate = Promise.withResolvers<void>();
    },
    resume: () => gate.resolve(),
    connectionCount: () => connections.size,
    close,
    [Symbol.asyncDispose]: close,
  };
  return proxy;
}
