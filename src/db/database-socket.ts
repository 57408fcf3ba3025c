/**
 * The socket under a PostgreSQL connection. postgres.js (3.4.9) goes on giving statements to a connection between its
 * socket's `error` and `close`; a statement that falls in between hangs, and when the connection is made anew it is
 * resolved as if it had run, with no rows, or gets the rows of another. A payment would be taken for committed that was
 * never written. So both events are told in one go: there is no between. (TLS wraps this socket in one of its own,
 * where the gap remains; the journal therefore also checks that what was answered was its own statement.)
 *
 * A host that vanished, or a network that swallows packets, says nothing: TCP would go on sending for a quarter of an hour,
 * and postgres.js would put statement after statement on that connection. So one that was written to and has answered
 * nothing for longer than any statement may take is broken off.
 */
import { Socket } from "node:net";

/** Looks for each silence: one is noticed after its time and at most a quarter of it. */
const LOOKS = 4;

class DatabaseSocket extends Socket {
  /** Read by postgres.js for the server name in TLS. */
  host: string | undefined;
  #failure: unknown;
  #bytesRead = 0;
  /** What had been written when something was last read. */
  #bytesAnswered = 0;
  #looksInSilence = 0;

  constructor(silenceMs: number) {
    super();
    const looking = setInterval(() => this.#look(silenceMs), silenceMs / LOOKS);
    looking.unref();
    this.once("close", () => clearInterval(looking));
  }

  /** Counts looks and not time: a process that was stopped itself has waited for nobody. */
  #look(silenceMs: number): void {
    // Under TLS this socket tells of no data; then what was written until this look is taken for answered.
    if (this.bytesRead !== this.#bytesRead) this.#noteAnswer();
    this.#looksInSilence = this.bytesWritten > this.#bytesAnswered ? this.#looksInSilence + 1 : 0;
    if (this.#looksInSilence <= LOOKS) return;
    this.destroy(Object.assign(new Error(`the database has said nothing for ${silenceMs} ms`), { code: "ETIMEDOUT" }));
  }

  #noteAnswer(): void {
    this.#bytesRead = this.bytesRead;
    this.#bytesAnswered = this.bytesWritten;
    this.#looksInSilence = 0;
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === "data") this.#noteAnswer();
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
export function createSocketOpener({ silenceMs }: { readonly silenceMs: number }): (target: Target) => Socket {
  let opened = 0;
  return ({ host, port, path }) => {
    const socket = new DatabaseSocket(silenceMs);
    if (path) return socket.connect(path);
    const index = opened % host.length;
    opened += 1;
    socket.host = host[index];
    return socket.connect(port[index] ?? 5432, host[index] ?? "localhost");
  };
}
