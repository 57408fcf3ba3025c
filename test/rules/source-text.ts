/**
 * Reads source files for the rule tests. TypeScript 7 has no compiler API to parse with, and the rules need
 * none: it is enough to know what is code, what is comment and what is text.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly source: string;
  /** Without comments; texts are kept. Same length and lines as `source`. */
  readonly withTexts: string;
  /** Without comments, and with the contents of texts and regular expressions blanked. */
  readonly code: string;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SKIPPED_FOLDERS = /(^|\/)(node_modules|dist|migrations|assets|\.data)(\/|$)/;
const IS_SOURCE = /\.(tsx?|cjs|mjs|js)$/;

const blank = (text: string): string => text.replace(/[^\n]/g, " ");

/** After one of these a slash opens a regular expression, not a division. */
const BEFORE_REGEX = /(^|[([{,;=:!&|?+\-*%<>~^]|\b(?:return|typeof|case|of|in|do|else|await|yield))\s*$/;

/** One piece of source from `from`: comment, text, template, regular expression, or a single character of code. */
function readPiece(source: string, from: number, before: string): { kind: "comment" | "text" | "code"; end: number } {
  const two = source.slice(from, from + 2);
  const first = source[from] ?? "";
  if (two === "//") return { kind: "comment", end: endOf(source.indexOf("\n", from), source) };
  if (two === "/*") return { kind: "comment", end: endOf(source.indexOf("*/", from + 2) + 2, source) };
  if (first === '"' || first === "'" || first === "`") return { kind: "text", end: endOfText(source, from, first) };
  // `</` closes a tag.
  if (first === "/" && !before.endsWith("<") && BEFORE_REGEX.test(before))
    return { kind: "text", end: endOfRegex(source, from) };
  return { kind: "code", end: from + 1 };
}

const endOf = (index: number, source: string): number => (index < 2 ? source.length : index);

function endOfText(source: string, from: number, quote: string): number {
  for (let index = from + 1; index < source.length; index += 1) {
    const char = source[index];
    if (char === "\\") index += 1;
    else if (char === quote) return index + 1;
    else if (quote === "`" && source.startsWith("${", index)) index = endOfBraces(source, index + 1) - 1;
  }
  return source.length;
}

/** The end of `{ … }` at `from`, over nested braces and texts. */
function endOfBraces(source: string, from: number): number {
  let depth = 0;
  for (let index = from; index < source.length; ) {
    const char = source[index] ?? "";
    if (char === "{") depth += 1;
    if (char === "}") depth -= 1;
    if (depth === 0) return index + 1;
    index = /["'`]/.test(char) ? endOfText(source, index, char) : index + 1;
  }
  return source.length;
}

function endOfRegex(source: string, from: number): number {
  let isInClass = false;
  for (let index = from + 1; index < source.length; index += 1) {
    const char = source[index];
    if (char === "\\") index += 1;
    else if (char === "[") isInClass = true;
    else if (char === "]") isInClass = false;
    else if ((char === "/" && !isInClass) || char === "\n") return index + 1;
  }
  return source.length;
}

/** What stands in `${…}` is code and stays; the rest of a template is text. */
function blankText(text: string): string {
  if (!text.startsWith("`")) return text.length < 2 ? text : text[0] + blank(text.slice(1, -1)) + text.at(-1);
  let result = "`";
  for (let index = 1; index < text.length - 1; ) {
    if (text.startsWith("${", index) && text[index - 1] !== "\\") {
      const end = endOfBraces(text, index + 1);
      result += `\${${strip(text.slice(index + 2, end - 1)).code}}`;
      index = end;
    } else {
      result += blank(text[index] ?? "");
      index += 1;
    }
  }
  return `${result}\``;
}

function strip(source: string): { readonly withTexts: string; readonly code: string } {
  let withTexts = "";
  let code = "";
  for (let index = 0; index < source.length; ) {
    const { kind, end } = readPiece(source, index, code.slice(-20));
    const piece = source.slice(index, end);
    withTexts += kind === "comment" ? blank(piece) : piece;
    code += kind === "comment" ? blank(piece) : kind === "text" ? blankText(piece) : piece;
    index = end;
  }
  return { withTexts, code };
}

export function toSourceFile(path: string, source: string): SourceFile {
  return { path, source, ...strip(source) };
}

/** All sources below these folders of the project, or the named files. */
export function readSources(...folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && IS_SOURCE.test(entry.name))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/"))
      .filter((path) => !SKIPPED_FOLDERS.test(path))
      .sort()
      .map((path) => toSourceFile(path, readFileSync(join(ROOT, path), "utf8"))),
  );
}

export interface Import {
  /** As written: a package name or a relative path. */
  readonly specifier: string;
  /** What is imported, as written; empty for a bare import. */
  readonly clause: string;
  readonly isType: boolean;
  readonly line: number;
}

const IMPORT = /\b(?:import|export)\s+(type\s+)?([\w$\s{},*]*?)\s*\bfrom\s*["']([^"']+)["']/g;
const BARE_OR_DYNAMIC_IMPORT = /\bimport\s*\(?\s*["']([^"']+)["']/g;

export const lineOf = (source: string, index: number): number => source.slice(0, index).split("\n").length;

export function findImports({ withTexts }: SourceFile): readonly Import[] {
  const found: Import[] = [];
  for (const match of withTexts.matchAll(IMPORT)) {
    const line = lineOf(withTexts, match.index);
    found.push({ specifier: match[3] ?? "", clause: match[2] ?? "", isType: match[1] !== undefined, line });
  }
  for (const match of withTexts.matchAll(BARE_OR_DYNAMIC_IMPORT)) {
    found.push({ specifier: match[1] ?? "", clause: "", isType: false, line: lineOf(withTexts, match.index) });
  }
  return found;
}
