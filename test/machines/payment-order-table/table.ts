/** The table as a person reads it, `payment-order-table.md`, and the same as data. */

export const IGNORED = "ignored";

/** One cell: the state afterwards, what is to be done in order, and all that is remembered differently. */
export interface Outcome {
  readonly state: string;
  readonly effects: string;
  readonly memory: string;
}

/** What happens in one state with one memory, by the names of the happenings. */
export interface Section {
  readonly given: string;
  readonly cells: ReadonlyMap<string, Outcome | typeof IGNORED>;
  /** Happenings that stand in the section twice. */
  readonly repeated: readonly string[];
}

const SEPARATOR = " · ";
const NOTHING = "–";
const EVERY = "every ";
const IGNORED_LINE = "Ignored: ";

/** `every psp.unsent` stands for all happenings of that event type. */
function expand(text: string, namesOf: (eventType: string) => readonly string[]): readonly string[] {
  return text.split(SEPARATOR).flatMap((name) => (name.startsWith(EVERY) ? namesOf(name.slice(EVERY.length)) : [name]));
}

export function readTable(text: string, namesOf: (eventType: string) => readonly string[]): readonly Section[] {
  return text
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [given = "", ...lines] = section.trimEnd().split("\n");
      const cells = new Map<string, Outcome | typeof IGNORED>();
      const repeated: string[] = [];
      const put = (names: string, outcome: Outcome | typeof IGNORED): void => {
        for (const name of expand(names, namesOf)) {
          if (cells.has(name)) repeated.push(name);
          cells.set(name, outcome);
        }
      };
      for (const line of lines) {
        if (line.startsWith(IGNORED_LINE)) put(line.slice(IGNORED_LINE.length), IGNORED);
        const [, when, state = "", effects = "", memory = ""] = line.split("|").map((cell) => cell.trim());
        if (when === undefined || when === "when" || when === "---") continue;
        put(when, { state, effects: effects === NOTHING ? "" : effects, memory: memory === NOTHING ? "" : memory });
      }
      return { given, cells, repeated };
    });
}

/** A row of the table, to be pasted when the chart was changed on purpose. */
export function writeRow(names: readonly string[], outcome: Outcome | typeof IGNORED): string {
  if (outcome === IGNORED) return `${IGNORED_LINE}${names.join(SEPARATOR)}`;
  const { state, effects, memory } = outcome;
  return `| ${names.join(SEPARATOR)} | ${state} | ${effects || NOTHING} | ${memory || NOTHING} |`;
}
