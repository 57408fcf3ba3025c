/** Cuts a PostgreSQL v3 byte stream into messages (documentation, chapter "Frontend/Backend Protocol"). */

export interface PostgresMessage {
  /** The type byte as a letter (`Q`, `P`, `B`, `E`, `S`, `C`, `Z`, …); the untyped first ones by name. */
  readonly type: string;
  readonly bytes: Buffer;
  /** The statement that a client's `Q`, `P`, `B` or `E` is about, also when it was prepared long before. */
  readonly sql: string | null;
  /** What a server's `C` (command complete) says, such as `COMMIT` or `INSERT 0 1`. */
  readonly commandTag: string | null;
}

const UNTYPED: Readonly<Record<number, string>> = {
  196608: "startup",
  196610: "startup",
  80877102: "cancel",
  80877103: "ssl-request",
  80877104: "gss-request",
};

const LENGTH_BYTES = 4;

function readText(bytes: Buffer, from: number): { readonly text: string; readonly next: number } {
  const end = bytes.indexOf(0, from);
  return { text: bytes.toString("utf8", from, end), next: end + 1 };
}

export interface MessageReader {
  /** All messages that are complete with this chunk. */
  read(chunk: Buffer): readonly PostgresMessage[];
}

/** Splits typed messages; `hasStartup` when the stream opens with untyped ones (the client's side). */
function createSplitter(hasStartup: boolean) {
  let isTyped = !hasStartup;
  let rest: Buffer = Buffer.alloc(0);
  return function split(chunk: Buffer): readonly { readonly type: string; readonly bytes: Buffer }[] {
    rest = Buffer.concat([rest, chunk]);
    const messages = [];
    while (true) {
      const header = isTyped ? 1 : 0;
      if (rest.length < header + LENGTH_BYTES) return messages;
      const total = header + rest.readInt32BE(header);
      if (rest.length < total) return messages;
      const bytes = rest.subarray(0, total);
      rest = rest.subarray(total);
      const type = isTyped ? bytes.toString("latin1", 0, 1) : (UNTYPED[bytes.readInt32BE(LENGTH_BYTES)] ?? "startup");
      if (type === "startup") isTyped = true;
      messages.push({ type, bytes });
    }
  };
}

export function createClientReader(): MessageReader {
  const split = createSplitter(true);
  const statements = new Map<string, string>();
  const portals = new Map<string, string>();
  const findSql = (type: string, bytes: Buffer): string | null => {
    const first = type.length === 1 ? readText(bytes, 5) : { text: "", next: 0 };
    switch (type) {
      case "Q":
        return first.text;
      case "P": {
        const sql = readText(bytes, first.next).text;
        statements.set(first.text, sql);
        return sql;
      }
      case "B": {
        const sql = statements.get(readText(bytes, first.next).text) ?? null;
        if (sql !== null) portals.set(first.text, sql);
        return sql;
      }
      case "E":
        return portals.get(first.text) ?? null;
      default:
        return null;
    }
  };
  return {
    read: (chunk) =>
      split(chunk).map(({ type, bytes }) => ({ type, bytes, sql: findSql(type, bytes), commandTag: null })),
  };
}

export function createServerReader(): MessageReader {
  const split = createSplitter(false);
  return {
    read: (chunk) =>
      split(chunk).map(({ type, bytes }) => ({
        type,
        bytes,
        sql: null,
        commandTag: type === "C" ? readText(bytes, 5).text : null,
      })),
  };
}
