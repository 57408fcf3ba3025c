/**
 * The socket under a PostgreSQL connection. postgres.js (3.4.9) goes on giving statements to a connection between its
 * socket's `error` and `close`; a statement that falls in between hangs, and when the connection is made anew it is
 * resolved as if it had run, with no rows, or gets the rows of another. A payment would be taken for committed that was
 * never written. So both events are told in one go: there is no between. (TLS wraps this socket in one of its own,
 * where the gap remains; the journal therefore also checks that what was answered was its own statement.)
 */
import { Socket } from "node:net";

class DatabaseSocket extends Socket {
  /** Read by postgres.js for the server name in TLS. */
  host: string | undefined;
  #failure: unknown;

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === "error") {
      this.#failure ??= values[0];
      return true;
    }
    if (event === "close" && this.#failure !== undefined) super.emit("error", this.#failure);
    return super.emit(event, ...values);
  }
}

/** What postgres.js made of the URL: several hosts are tried in turn. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path?: string | false;
}

/** The way in which a client opens its sockets, for the option `socket` of postgres.js. */
export function createSocketOpener(): (target: Target) => Socket {
  let opened = 0;
  return ({ host, port, path }) => {
    const socket = new DatabaseSocket();
    if (path) return socket.connect(path);
    const index = opened % host.length;
    opened += 1;
    socket.host = host[index];
    return socket.connect(port[index] ?? 5432, host[index] ?? "localhost");
  };
}
