/** Builds the console's pages into files that Florin serves itself: no inline script or style, nothing from elsewhere. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const inProject = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export default defineConfig({
  root: inProject("src/console/client"),
  base: "/console/",
  publicDir: false,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: inProject("src/console/dist"),
    // The drawn machines lie there too.
    emptyOutDir: false,
    // `light-dark()` and nesting are sent as they are written.
    target: ["chrome125", "firefox128", "safari17.5"],
    cssTarget: ["chrome125", "firefox128", "safari17.5"],
    // A `data:` address would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
