/** Where the pages begin. */
import { render } from "preact";
import { App } from "./app.tsx";
import { startRouter } from "./state/router.ts";
import { startTheme } from "./state/theme.ts";
import { startTicker } from "./state/ticker.ts";

startTheme();
startRouter();
startTicker();

const root = document.getElementById("console");
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
