/** A Chromium for the browser tests: `CHROMIUM_PATH`, the one on the PATH, or installed where that is possible. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"] as const;
/** Where it is on a Mac, which has no such program on its PATH. */
const MAC_PATHS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
] as const;

function findChromium(): string | null {
  const given = process.env.CHROMIUM_PATH;
  if (given !== undefined && given !== "") return given;
  const named = NAMES.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
  return named ?? MAC_PATHS.find((path) => existsSync(path)) ?? null;
}

/** `spawn` looks on the PATH, Playwright wants the whole path. */
function toPath(program: string): string {
  if (program.includes("/")) return program;
  return spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
}

function installChromium(): void {
  if (existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) {
    console.error("florin: chromium is missing, installing it: apt-get install -y chromium");
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (...args: string[]): boolean =>
      spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=120", "-qq", ...args], { env, stdio: ["ignore", 2, 2] })
        .status === 0;
    const install = (): boolean => apt("install", "-y", "--no-install-recommends", "chromium");
    if (!install()) {
      apt("update");
      install();
    }
    if (findChromium() !== null) return;
  }
  const command = process.platform === "darwin" ? "brew install --cask chromium" : "sudo apt-get install -y chromium";
  throw new Error(`The browser tests need Chromium. Run \`${command}\`, or set CHROMIUM_PATH to a Chromium of yours.`);
}

/** Installs Chromium where that is possible, and says how where it is not. */
export function ensureChromium(): string {
  if (findChromium() === null) installChromium();
  return toPath(findChromium() ?? "");
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: ensureChromium(),
    // Root has no sandbox of its own, and a container little shared memory.
    args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
  });
}
