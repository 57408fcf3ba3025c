/**
 * Loaded before everything else (`node --import`): puts the one mistake that `FLORIN_PLANTED` names into the source as it is
 * read. Nothing of it is in the product; without the variable nothing is changed.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { MISTAKES } from "./mistakes.ts";

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));

const name = process.env.FLORIN_PLANTED;
const mistake = MISTAKES.find((one) => one.name === name);
if (name !== undefined && mistake === undefined) throw new Error(`there is no planted mistake ${name}`);
if (mistake !== undefined) {
  const path = `${PROJECT}${mistake.file}`;
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith("file:") || fileURLToPath(url) !== path) return nextLoad(url, context);
      const loaded = nextLoad(url, context);
      const source = readFileSync(path, "utf8");
      if (source.split(mistake.right).length !== 2)
        throw new Error(`${mistake.name} does not fit ${mistake.file} once`);
      return { ...loaded, source: source.replace(mistake.right, () => mistake.wrong) };
    },
  });
}
