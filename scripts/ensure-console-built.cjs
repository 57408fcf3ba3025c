/**
 * Runs before `start`, `dev`, `demo` and the tests: builds the console when it is missing or older than its sources. Plain
 * CommonJS, like `ensure-installed.cjs` before it: the Node that runs it may be another than the pinned one.
 */
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { hashConsoleSources, STAMP_NAME } = require("./console/source-hash.cjs");

const ROOT = path.dirname(__dirname);
const DIST = path.join(ROOT, "src", "console", "dist");
const BIN = path.join(ROOT, "node_modules", ".bin");
const NODE = path.join(BIN, process.platform === "win32" ? "node.cmd" : "node");

function readStamp() {
  try {
    return fs.readFileSync(path.join(DIST, STAMP_NAME), "utf8").trim();
  } catch {
    return null;
  }
}

if (readStamp() !== hashConsoleSources()) {
  process.stderr.write("florin: building the console …\n");
  const { status } = spawnSync(
    fs.existsSync(NODE) ? NODE : process.execPath,
    [path.join(__dirname, "build-console.ts")],
    {
      stdio: ["ignore", "inherit", "inherit"],
      shell: process.platform === "win32",
    },
  );
  if (status !== 0) {
    process.stderr.write("florin: the console could not be built; `npm run build:console` says why\n");
    process.exit(1);
  }
}
