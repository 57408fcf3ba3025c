/** The README promises things and names the test that proves each: the file must be there, with a test of that title. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const section = readme.split("## Guarantees, and the test that proves each")[1]?.split("\n## ")[0] ?? "";
const proofs = [...section.matchAll(/\|\s*`(test\/[^`]+)`:\s*([^|]+?)\s*\|/g)].map(([, file, title]) => ({
  file: file ?? "",
  title: title ?? "",
}));

test("the README names proofs", () => {
  expect(proofs.length).toBeGreaterThan(10);
  expect(section.split("\n").filter((line) => line.startsWith("| ")).length).toBe(proofs.length + 1);
});

test.each(proofs)("$file has “$title”", ({ file, title }) => {
  expect(existsSync(file)).toBe(true);
  expect(readFileSync(file, "utf8")).toContain(title);
});

test("every file and folder that the README links or lists is there", () => {
  const linked = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path ?? "");
  const listed = [...readme.matchAll(/^((?:src|test|scripts|machines)\/[\w./-]*)/gm)].map(([, path]) => path ?? "");
  expect([...linked, ...listed].filter((path) => !existsSync(path))).toEqual([]);
});
