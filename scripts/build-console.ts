/**
 * Builds what the console is served from, `src/console/dist`: its pages, and each machine as a picture and as data.
 *
 *   node scripts/build-console.ts
 *
 * All is made beside the old one and put in its place at once, so that a Florin that runs serves one or the other.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { drawMermaid } from "../machines/draw-mermaid.ts";
import { drawSvg } from "./console/draw-svg.ts";
import { layOutMachine } from "./console/lay-out-machine.ts";
import { DRAWN_MACHINES } from "./console/machines.ts";
import { hashConsoleSources, STAMP_NAME } from "./console/source-hash.cjs";

const inProject = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const DIST = inProject("src/console/dist");

async function drawMachines(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const drawn of DRAWN_MACHINES) {
    const { id, version, machine } = drawn;
    const [onScreen, onPage] = [await layOutMachine(drawn, "right"), await layOutMachine(drawn, "down")];
    const title = `The state chart ${id}, version ${version}`;
    const files = {
      "layout.json": JSON.stringify(onScreen),
      svg: drawSvg(onPage, { title }),
      mmd: `${drawMermaid(machine.root)}\n`,
      json: `${JSON.stringify(machine.definition, null, 2)}\n`,
    };
    for (const [extension, text] of Object.entries(files)) writeFileSync(join(folder, `${id}.${extension}`), text);
  }
}

const hash = hashConsoleSources();
const fresh = `${DIST}.${process.pid}`;
const old = `${fresh}.old`;
try {
  await build({
    configFile: inProject("scripts/console/vite.config.ts"),
    logLevel: "warn",
    build: { outDir: fresh, emptyOutDir: true },
  });
  await drawMachines(join(fresh, "machines"));
  writeFileSync(join(fresh, STAMP_NAME), `${hash}\n`);
  try {
    renameSync(DIST, old);
  } catch {
    // There was none.
  }
  renameSync(fresh, DIST);
} finally {
  for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
}
