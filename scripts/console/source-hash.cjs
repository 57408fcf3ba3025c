/**
 * What the console is built from, as one hash: the build writes it beside its files, and whoever starts Florin compares.
 * CommonJS without dependencies, because it also runs on a Node that can't read TypeScript.
 */
"use strict";

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.dirname(path.dirname(__dirname));
const SOURCES = [
  "src/console/client",
  "src/console/contract.ts",
  "src/core",
  "src/events/event-types.ts",
  "machines",
  "scripts/console",
  "scripts/build-console.ts",
  "package-lock.json",
];
const STAMP_NAME = ".sources";

/** @returns {string[]} paths below the project's folder, with `/`, in a certain order */
function listFiles(name) {
  const full = path.join(ROOT, name);
  if (!fs.statSync(full).isDirectory()) return [name];
  return fs
    .readdirSync(full)
    .sort()
    .flatMap((child) => listFiles(`${name}/${child}`));
}

/** @returns {string} hexadecimal */
function hashConsoleSources() {
  const hash = createHash("sha256");
  for (const name of SOURCES.flatMap(listFiles)) {
    const bytes = fs.readFileSync(path.join(ROOT, name));
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

module.exports = { hashConsoleSources, STAMP_NAME };
