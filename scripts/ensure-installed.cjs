/**
 * Runs before every npm script, so that a fresh clone needs no `npm install` first. It must work with
 * nothing installed and on any Node from 18 on, hence plain CommonJS without dependencies.
 *
 * It installs when node_modules does not hold what package-lock.json names, and when the pinned Node (the
 * npm package `node`, whose install script fetches the program) is missing: the `.ts` files need Node 24.
 * `--include=dev` and `--ignore-scripts=false` are there because NODE_ENV=production and an `ignore-scripts`
 * setting would each leave an installation that looks whole and can't run.
 */
"use strict";

const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.dirname(__dirname);
const MODULES = path.join(ROOT, "node_modules");
const LOCK_FILE = path.join(ROOT, "package-lock.json");
/** Says which difference remained after a complete installation; gone with node_modules. */
const STAMP = path.join(MODULES, ".florin-installed");
/** Beside node_modules, which `npm ci` removes. */
const BUSY = path.join(ROOT, ".install.lock");
const WAIT_LIMIT_MS = 15 * 60_000;
const WAIT_STEP_MS = 250;
const PINNED_NODE_MAJOR = "24";
const IS_WINDOWS = process.platform === "win32";

const say = (text) => process.stderr.write(`florin: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

function toStamp(difference) {
  const hash = createHash("sha256").update(fs.readFileSync(LOCK_FILE));
  return hash.update(`${process.platform} ${process.arch} ${difference}`).digest("hex");
}

const suits = (list, value) =>
  !list || list.includes(value) || list.some((item) => item[0] === "!" && item !== `!${value}`);

function isWanted(entry) {
  if (entry.optional !== true) return true;
  // An optional package that fits every machine comes with another one that may not: npm decides.
  if (!entry.os && !entry.cpu) return false;
  const isMusl = process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
  return (
    suits(entry.os, process.platform) && suits(entry.cpu, process.arch) && suits(entry.libc, isMusl ? "musl" : "glibc")
  );
}

/** The first package that is missing or differs from the lock file; null when all are there. */
function findDifference() {
  const wanted = readJson(LOCK_FILE);
  if (wanted === null) fail("package-lock.json is missing or damaged. Restore it: `git checkout package-lock.json`.");
  const installed = readJson(path.join(MODULES, ".package-lock.json"));
  if (installed === null) return "nothing is installed yet";
  for (const [name, entry] of Object.entries(wanted.packages)) {
    // Peers that nobody needed and links are npm's own business.
    if (name === "" || entry.link || entry.peer || !isWanted(entry)) continue;
    const found = installed.packages[name];
    const title = name.replace(/^.*node_modules\//, "");
    if (!found || !fs.existsSync(path.join(ROOT, name, "package.json"))) return `${title} is missing`;
    if (found.version !== entry.version) return `${title} is ${found.version}, wanted is ${entry.version}`;
  }
  return null;
}

/** The version that the pinned Node reports; null when it does not run. */
function pinnedNodeVersion() {
  const program = path.join(MODULES, "node", "bin", IS_WINDOWS ? "node.exe" : "node");
  if (!fs.existsSync(program)) return null;
  const run = spawnSync(program, ["--version"], { encoding: "utf8" });
  return run.status === 0 ? run.stdout.trim() : null;
}

const isPinnedNodeReady = () => (pinnedNodeVersion() || "").startsWith(`v${PINNED_NODE_MAJOR}.`);

/** Why an installation is needed; null when none is. */
function whyInstall() {
  const difference = findDifference();
  const stamp = fs.existsSync(STAMP) ? fs.readFileSync(STAMP, "utf8") : "";
  // What our own complete installation left out (an optional package that could not be had) is accepted.
  if (difference !== null && stamp !== toStamp(difference)) return difference;
  return isPinnedNodeReady() ? null : `the pinned Node ${PINNED_NODE_MAJOR} is missing`;
}

function install() {
  // The outer npm put node_modules/.bin first on PATH; the Node in there is about to be deleted.
  const pathKey = Object.keys(process.env).find((key) => key.toUpperCase() === "PATH") || "PATH";
  const folders = (process.env[pathKey] || "").split(path.delimiter);
  const env = { ...process.env };
  // An outer npm hands its settings down as variables; those that would spoil this installation must not.
  for (const key of Object.keys(env)) {
    if (
      /^npm_config_(ignore_scripts|omit|only|production|global|prefix|local_prefix|workspace.*|dry_run|package_lock_only|include)$/i.test(
        key,
      )
    ) {
      delete env[key];
    }
  }
  delete env.NODE_ENV;
  env[pathKey] = folders.filter((folder) => !folder.includes(`node_modules${path.sep}.bin`)).join(path.delimiter);
  const args = ["ci", "--include=dev", "--include=optional", "--ignore-scripts=false", "--no-audit", "--no-fund"];
  const run = spawnSync("npm", [...args, "--loglevel=error"], {
    cwd: ROOT,
    env,
    stdio: ["ignore", 2, 2],
    shell: IS_WINDOWS,
  });
  if (run.error) fail(`npm could not be started (${run.error.message}). Install npm and run the command again.`);
  if (run.status !== 0)
    fail("`npm ci` failed, see above. Mend the cause (often the network) and run the command again.");
  if (!isPinnedNodeReady()) {
    fail(
      `The packages are installed, but node_modules/.bin/node is not Node ${PINNED_NODE_MAJOR} (found: ${pinnedNodeVersion() || "none"}). ` +
        "Its install script brings the program: check that `npm config get ignore-scripts` says false and that the " +
        "registry has the packages `node-<platform>-<arch>`, then run `npm ci --include=dev`.",
    );
  }
  const difference = findDifference();
  if (difference !== null) fs.writeFileSync(STAMP, toStamp(difference));
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** True when the lock is ours now. A lock whose holder was killed is taken away first. */
function tryLock() {
  try {
    fs.writeFileSync(BUSY, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const seen = readPid();
  if (seen === null || isRunning(seen)) return false;
  const aside = `${BUSY}.${process.pid}`;
  try {
    fs.renameSync(BUSY, aside);
    // Between looking and renaming another one may have cleaned up and locked: give that one its lock back.
    if (Number(fs.readFileSync(aside, "utf8")) !== seen) fs.linkSync(aside, BUSY);
    fs.rmSync(aside, { force: true });
  } catch {
    // Another one was faster.
  }
  return false;
}

function readPid() {
  try {
    const pid = Number(fs.readFileSync(BUSY, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function main() {
  let reason = whyInstall();
  if (reason === null) return;
  const giveUpAtMs = Date.now() + WAIT_LIMIT_MS;
  let hasToldWaiting = false;
  while (!tryLock()) {
    if (Date.now() > giveUpAtMs) fail(`Another installation does not end. If there is none, remove ${BUSY}.`);
    if (!hasToldWaiting) say("waiting for an installation that runs in another terminal");
    hasToldWaiting = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_STEP_MS);
  }
  process.once("exit", () => fs.rmSync(BUSY, { force: true }));
  reason = whyInstall();
  if (reason === null) return;
  say(`installing packages (${reason}); this takes a minute the first time`);
  const startedAtMs = Date.now();
  install();
  say(`packages are installed (${Math.round((Date.now() - startedAtMs) / 1000)} s)`);
}

main();
