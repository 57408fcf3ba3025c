/** The rules of the code, each as a function from a file to what is wrong in it. */
import { posix } from "node:path";
import { findImports, lineOf, type SourceFile } from "./source-text.ts";

/** `path:line what is wrong`. */
export type Rule = (file: SourceFile) => readonly string[];

/**
 * Imports go one way: each row may use the rows above it, and in its own row what stands to its left.
 * `db` and `psp` know nothing of each other.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["core"],
  ["machines"],
  ["db"],
  ["psp"],
  ["ledger", "engine"],
  ["payments"],
  ["events", "reconciliation", "http", "console"],
  ["processor"],
  ["config"],
  ["app"],
  ["main"],
];
const STRANGERS: ReadonlySet<string> = new Set(["psp → db"]);

function areaOf(path: string): string | null {
  if (path.startsWith("machines/")) return "machines";
  return /^src\/([a-z-]+)(?:\.ts$|\/)/.exec(path)?.[1] ?? null;
}

const rankOf = (area: string): number => {
  const layer = LAYERS.findIndex((areas) => areas.includes(area));
  return layer < 0 ? -1 : layer * 100 + (LAYERS[layer]?.indexOf(area) ?? 0);
};

const resolvePath = (path: string, specifier: string): string => posix.join(posix.dirname(path), specifier);

export const importsGoOneWay: Rule = (file) => {
  const from = areaOf(file.path);
  if (from === null) return [];
  if (rankOf(from) < 0) return [`${file.path}:1 src/${from} has no place in the import order (test/rules/rules.ts)`];
  return findImports(file).flatMap(({ specifier, line }) => {
    if (!specifier.startsWith(".")) return [];
    const target = resolvePath(file.path, specifier);
    const to = areaOf(target);
    if (to === null) return [`${file.path}:${line} imports ${target}, which is no part of the product`];
    const isForbidden = rankOf(to) > rankOf(from) || STRANGERS.has(`${from} → ${to}`);
    return to !== from && isForbidden ? [`${file.path}:${line} ${from} must not import ${to}`] : [];
  });
};

export const importsNameTheFile: Rule = (file) =>
  findImports(file).flatMap(({ specifier, line }) =>
    specifier.startsWith(".") && !/\.(tsx?|json|cjs|css|sql)$/.test(specifier)
      ? [`${file.path}:${line} import of ${specifier} lacks its .ts`]
      : [],
  );

/** A rule that forbids a pattern in code, with comments and texts blanked. */
function forbid(pattern: RegExp, what: string): Rule {
  return ({ path, code }) =>
    [...code.matchAll(pattern)].map((match) => `${path}:${lineOf(code, match.index)} ${what}: ${match[0].trim()}`);
}

const ENVIRONMENT_READERS = /^(src\/config\.ts|src\/(.*\/)?main\.ts|scripts\/.*|test\/.*|[^/]*\.config\.ts)$/;
const findEnvironmentReads = forbid(/\bprocess\s*\.\s*env\b/g, "only src/config.ts reads the environment");
export const onlyConfigReadsTheEnvironment: Rule = (file) =>
  ENVIRONMENT_READERS.test(file.path) ? [] : findEnvironmentReads(file);

/** The console's pages run in a browser, where no simulation is; they have one door of their own. */
const BROWSER_PORTS = "src/console/client/browser-ports.ts";

/** A simulation must own time and chance: whoever reads them elsewhere makes runs that no seed repeats. */
const TIME_AND_CHANCE_READERS = /^(src\/core\/ports\.ts|src\/psp\/simulator\/.*)$/;
const findTimeAndChance = forbid(
  /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|[;,)\]])|(?<![.\w])Date\s*\(\s*\)|\bperformance\s*\.\s*(?:now|timeOrigin)\b|\bhrtime\b|\bMath\s*\.\s*random\b|\brandom(?:UUID|Bytes|FillSync|Fill|Int)\b|\bgetRandomValues\b/g,
  "time and chance come from core's ports",
);
export const onlyPortsReadTimeAndChance: Rule = (file) =>
  file.path === BROWSER_PORTS || TIME_AND_CHANCE_READERS.test(file.path) ? [] : findTimeAndChance(file);

/** Real sockets and processes have real time; everything else takes `ports.timers`, or no simulation owns it. */
const TIMER_SETTERS =
  /^(src\/core\/ports\.ts|src\/(app|main)\.ts|src\/psp\/(simulator\/.*|http-exchange\.ts)|src\/db\/(database-socket\.ts|embedded\/.*))$/;
const findTimers = forbid(/\bset(?:Timeout|Interval|Immediate)\b/g, "timers come from core's ports");
export const onlyPortsSetTimers: Rule = (file) =>
  file.path === BROWSER_PORTS || TIMER_SETTERS.test(file.path) ? [] : findTimers(file);

export const machinesImportOnlyXStateAndCore: Rule = (file) =>
  findImports(file).flatMap(({ specifier, line }) => {
    const target = specifier.startsWith(".") ? resolvePath(file.path, specifier) : specifier;
    return target === "xstate" || /^(machines|src\/core)\//.test(target)
      ? []
      : [`${file.path}:${line} a machine must not import ${specifier}`];
  });

const CHECKER = "scripts/chaos/checker/";
/** A mistake that judge and judged share is found by nobody. */
export const theCheckerSharesNoCode: Rule = (file) =>
  findImports(file).flatMap(({ specifier, line }) => {
    const isForeign = specifier.startsWith(".") && !resolvePath(file.path, specifier).startsWith(CHECKER);
    return isForeign && file.path.startsWith(CHECKER)
      ? [`${file.path}:${line} the checker of chaos must not import ${specifier}`]
      : [];
  });

/** A restored actor never fires `after`, runs `invoke` again, and drops facts in a final state. */
export const machinesArePersistable: Rule = ({ path, withTexts }) =>
  [...withTexts.matchAll(/\b(?:invoke|after)\s*:|\btype\s*:\s*["'](?:final|history)["']|\bspawn(?:Child)?\s*\(/g)].map(
    (match) => `${path}:${lineOf(withTexts, match.index)} a persisted machine can't have ${match[0].trim()}`,
  );

const MOVERS =
  /\b(?:transition|initialTransition|getNextSnapshot|getInitialSnapshot|createActor|interpret|macrostep)\b/;
/** Each kind of actor has its pure decision in a `…-state.ts`, which the engine calls. */
const DECIDERS = /^src\/(engine\/.*|[a-z-]+\/[a-z-]+-state\.ts)$/;
/** The console's time travel moves a machine over what is already history, in a browser that can neither act nor write. */
const REPLAY = "src/console/client/replay/replay.ts";
/** One place that decides, commits and acts; a second one would act on what was never written. */
export const onlyTheEngineMovesMachines: Rule = (file) =>
  DECIDERS.test(file.path) || file.path === REPLAY
    ? []
    : findImports(file).flatMap(({ specifier, clause, isType, line }) =>
        ((specifier === "xstate" && MOVERS.test(clause)) || specifier.endsWith("/pure-transition.ts")) && !isType
          ? [`${file.path}:${line} only src/engine moves a machine`]
          : [],
      );

const MAX_LINES = 400;
export const filesAreShort: Rule = ({ path, source }) => {
  const lines = source.trimEnd().split("\n").length;
  return lines > MAX_LINES ? [`${path}:${lines} has ${lines} lines, at most ${MAX_LINES} are allowed`] : [];
};

const findDefaultExports = forbid(/\bexport\s+default\b|\bas\s+default\b/g, "no default exports");
export const nothingIsExportedByDefault: Rule = (file) =>
  /(\.config\.ts|global-setup\.ts)$/.test(file.path) ? [] : findDefaultExports(file);

/** A barrel hides where a thing lives and makes every import load everything. */
export const thereAreNoBarrels: Rule = ({ path, code }) => {
  const stars = forbid(
    /\bexport\s+(?:type\s+)?\*/g,
    "no re-export of everything",
  )({ path, code, source: "", withTexts: "" });
  const rest = code.replace(/\b(?:import|export)\b[\w$\s{},*]*?\bfrom\s*"[^"]*";?/g, "").trim();
  const isBarrel = /(^|\/)index\.ts$/.test(path) || (rest === "" && code.trim() !== "");
  return isBarrel ? [...stars, `${path}:1 is a barrel`] : stars;
};

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.(tsx?|cjs|mjs|js)$/;
export const fileNamesAreKebabCase: Rule = ({ path }) =>
  KEBAB_CASE.test(posix.basename(path)) ? [] : [`${path}:1 file names are kebab-case`];

/** Import and export lists rename with `as`; they are blanked before the search for assertions. */
const blankLists = (code: string): string =>
  code.replace(/\b(?:import|export)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?(?:\*\s+as\s+[\w$]+|\{[^}]*\})/g, (list) =>
    list.replace(/[^\n]/g, " "),
  );

const findAssertions = forbid(/(?<!\{\}\s*)\bas\s+(?!const\b)[\w${(["'`]/g, "no type assertion");
export const typesAreNotAsserted: Rule = (file) => {
  // `[Key in Keys as …]` renames keys of a mapped type.
  const code = blankLists(file.code).replace(/\bin\s+[\w.<>[\]\s]+?\bas\b/g, (text) => text.replace(/[^\n]/g, " "));
  return findAssertions({ ...file, code });
};

export const nullIsNotDenied: Rule = forbid(/[\w)\]]!(?!=)/g, "no non-null assertion");
export const nothingIsAny: Rule = forbid(/(?:[:<|&,(=]|=>)\s*any\b(?!\s*(?:[:(.]|=>))/g, "no any");
