/** The code's own rules. Each has a canary: a text that breaks it, so that a rule that finds nothing is known to look. */
import { describe, expect, test } from "vitest";
import * as rules from "./rules.ts";
import { readSources, type SourceFile, toSourceFile } from "./source-text.ts";

const product = readSources("src", "machines");
/** But for these files: their canaries look like the real thing. */
const everything = [...product, ...readSources("test", "scripts")].filter(
  ({ path }) => !path.startsWith("test/rules/"),
);
const machines = product.filter(({ path }) => path.startsWith("machines/"));

interface Case {
  readonly fact: string;
  readonly rule: rules.Rule;
  readonly files: readonly SourceFile[];
  readonly canaries: readonly (readonly [path: string, source: string])[];
}

const cases: readonly Case[] = [
  {
    fact: "imports go one way",
    rule: rules.importsGoOneWay,
    files: product,
    canaries: [
      ["src/core/a.ts", 'import { b } from "../db/b.ts";'],
      ["src/core/a.ts", 'import type { B } from "../engine/b.ts";'],
      ["machines/a.ts", 'import {\n  b,\n} from "../src/psp/b.ts";'],
      ["src/psp/a.ts", 'import { b } from "../db/b.ts";'],
      ["src/db/a.ts", 'export { b } from "../psp/b.ts";'],
      ["src/ledger/a.ts", 'import { b } from "../engine/b.ts";'],
      ["src/engine/a.ts", 'const b = await import("../http/b.ts");'],
      ["src/http/a.ts", 'import "../app.ts";'],
      ["src/http/a.ts", 'import { b } from "../../test/support/b.ts";'],
      ["src/novelty/a.ts", ""],
    ],
  },
  {
    fact: "imports name the file they mean",
    rule: rules.importsNameTheFile,
    files: everything,
    canaries: [["src/core/a.ts", 'import { b } from "./b";']],
  },
  {
    fact: "only config, the mains and the scripts read the environment",
    rule: rules.onlyConfigReadsTheEnvironment,
    files: product,
    canaries: [["src/http/a.ts", "const port = process.env.PORT;"]],
  },
  {
    fact: "only core's ports and the PSP simulator read clock and randomness",
    rule: rules.onlyPortsReadTimeAndChance,
    files: product,
    canaries: [
      ["src/engine/a.ts", "const now = Date.now();"],
      ["src/engine/a.ts", "const now = new Date();"],
      ["src/engine/a.ts", "const now = performance.now();"],
      ["src/engine/a.ts", "const text = `${Math.random()}`;"],
      ["src/engine/a.ts", 'import { randomUUID } from "node:crypto";'],
      ["src/engine/a.ts", "const token = crypto.randomBytes(8);"],
      ["src/console/client/pages/a.tsx", "const now = Date.now();"],
    ],
  },
  {
    fact: "only core's ports, sockets and processes set timers",
    rule: rules.onlyPortsSetTimers,
    files: product,
    canaries: [
      ["src/engine/a.ts", "setTimeout(callback, 5);"],
      ["src/payments/a.ts", "const timer = setInterval(callback, 5);"],
      ["src/http/a.ts", "setImmediate(callback);"],
      ["src/console/client/pages/a.tsx", "setTimeout(callback, 5);"],
    ],
  },
  {
    fact: "machines import only XState and core",
    rule: rules.machinesImportOnlyXStateAndCore,
    files: machines,
    canaries: [
      ["machines/a.ts", 'import { z } from "zod";'],
      ["machines/a.ts", 'import { b } from "../src/db/b.ts";'],
    ],
  },
  {
    fact: "the checker of chaos shares no code with what it checks",
    rule: rules.theCheckerSharesNoCode,
    files: everything,
    canaries: [
      ["scripts/chaos/checker/a.ts", 'import { b } from "../../../src/core/b.ts";'],
      ["scripts/chaos/checker/a.ts", 'import type { B } from "../report.ts";'],
    ],
  },
  {
    fact: "machines have nothing that a restored actor would lose or do again",
    rule: rules.machinesArePersistable,
    files: machines,
    canaries: [
      ["machines/a.ts", "const a = { invoke: { src } };"],
      ["machines/a.ts", "const a = { after: { 100: {} } };"],
      ["machines/a.ts", 'const a = { type: "final" };'],
    ],
  },
  {
    fact: "only the engine moves a machine",
    rule: rules.onlyTheEngineMovesMachines,
    files: product,
    canaries: [
      ["src/http/a.ts", 'import { transition } from "xstate";'],
      ["src/console/client/pages/a.tsx", 'import { transition } from "xstate";'],
      ["src/console/replay.ts", 'import { transition } from "xstate";'],
      ["src/http/b.ts", 'import { createPureTransition } from "../engine/pure-transition.ts";'],
    ],
  },
  {
    fact: "no file of the product is longer than 400 lines",
    rule: rules.filesAreShort,
    files: product,
    canaries: [["src/core/a.ts", "a\n".repeat(401)]],
  },
  {
    fact: "nothing is exported by default",
    rule: rules.nothingIsExportedByDefault,
    files: everything,
    canaries: [["src/core/a.ts", "export default 1;"]],
  },
  {
    fact: "there are no barrels",
    rule: rules.thereAreNoBarrels,
    files: everything,
    canaries: [
      ["src/core/index.ts", "export const a = 1;"],
      ["src/core/a.ts", 'export * from "./b.ts";'],
      ["src/core/a.ts", '/** All. */\nexport { b } from "./b.ts";\nexport type { C } from "./c.ts";\n'],
    ],
  },
  {
    fact: "file names are kebab-case",
    rule: rules.fileNamesAreKebabCase,
    files: everything,
    canaries: [
      ["src/core/someThing.ts", ""],
      ["src/core/some_thing.ts", ""],
    ],
  },
  {
    fact: "the product asserts no types",
    rule: rules.typesAreNotAsserted,
    files: product,
    canaries: [
      ["src/core/a.ts", "const a = b as string;"],
      ["src/core/a.ts", "const a = (await b()) as unknown as { c: string };"],
      ["src/console/client/a.tsx", "const a = <b>x</b>;\nconst c = d as string;"],
    ],
  },
  {
    fact: "the product denies no null",
    rule: rules.nullIsNotDenied,
    files: product,
    canaries: [
      ["src/core/a.ts", "const a = b!;"],
      ["src/core/a.ts", "const a = b()!.c[0]!;"],
    ],
  },
  {
    fact: "nothing in the product is any",
    rule: rules.nothingIsAny,
    files: product,
    canaries: [
      ["src/core/a.ts", "const a: any = 1;"],
      ["src/core/a.ts", "const a = new Map<string, any>();"],
    ],
  },
];

describe.each(cases)("$fact", ({ rule, files, canaries }) => {
  test("in this project", () => {
    expect(files.flatMap(rule)).toEqual([]);
  });

  test("and what breaks this is caught", () => {
    const missed = canaries.filter(([path, source]) => rule(toSourceFile(path, source)).length === 0);
    expect(missed).toEqual([]);
  });
});

test("what only looks like a violation is let be", () => {
  const innocent = toSourceFile(
    "src/core/a.ts",
    [
      'import * as b from "./b.ts";',
      'import { c as d, type E } from "./c.ts";',
      "// Date.now() as any, process.env!",
      "const text = `SELECT now() AS at FROM ${d} -- process.env as any!`;",
      'const quote = "it\'s Math.random() as any";',
      "const pattern = /[/'\"]as any!/;",
      "const half = d / 2; // as any",
      "const pair = [1, 2] as const;",
      "const chart = { types: {} as E };",
      "type Renamed<T> = { [Key in keyof T as `x${Key}`]: T[Key] };",
      "if (half !== 3 && !pair) throw new Date(half);",
      "export { b };",
    ].join("\n"),
  );
  const found = cases.filter(({ fact }) => !fact.startsWith("machines")).flatMap(({ rule }) => rule(innocent));
  expect(found).toEqual([]);
});
