/** The frame of every page that people see: one small style, no script, nothing from elsewhere. */
import { hash } from "node:crypto";
import { html, raw } from "hono/html";

export type Html = ReturnType<typeof html>;

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 22%, Canvas); --soft: color-mix(in srgb, CanvasText 72%, Canvas);
  --raised: color-mix(in srgb, CanvasText 5%, Canvas); --accent: light-dark(#1a4fbf, #9dbcff); --on-accent: light-dark(#fff, #0b1a3d); }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 30rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
main.wide { max-width: 60rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 0.4rem; }
p { margin: 0.5rem 0; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a.button { display: block; margin: 1.25rem 0; padding: 0.75rem 1rem; border-radius: 0.5rem; text-align: center; font-weight: 600;
  text-decoration: none; background: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.5rem 0.25rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
td.money, th.money { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tfoot td, tfoot th { border-bottom: 0; font-weight: 600; }
.state { padding: 0.75rem 1rem; border: 1px solid var(--line); border-left: 0.3rem solid var(--accent); border-radius: 0.4rem; }
.soft { color: var(--soft); font-size: 0.9rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.875rem; }
pre { margin: 0.25rem 0; padding: 0.75rem; overflow-x: auto; background: var(--raised); border-radius: 0.4rem; }
details { border: 1px solid var(--line); border-radius: 0.5rem; margin: 0.5rem 0; }
summary { padding: 0.6rem 0.75rem; cursor: pointer; overflow-wrap: anywhere; }
details > div { padding: 0 0.75rem 0.75rem; }
.method { display: inline-block; min-width: 3.6rem; font-weight: 700; color: var(--accent); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; margin: 0.5rem 0; list-style: none; }
ul.fields { margin: 0; padding-left: 1.1rem; }
ul.fields li { margin: 0.2rem 0; overflow-wrap: anywhere; }
`;

/** For the content security policy: this very style and no other. */
export const STYLE_HASH = `sha256-${hash("sha256", STYLE, "base64")}`;

export interface PageRefresh {
  readonly seconds: number;
  readonly url: string;
}

export interface PageParts {
  readonly title: string;
  readonly content: Html;
  readonly isWide?: boolean;
  /** Loads this address after so many seconds. In the header, where it works without a script. */
  readonly refresh?: PageRefresh;
}

export async function renderPage({ title, content, isWide }: PageParts): Promise<string> {
  const page = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(STYLE)}</style>
</head>
<body><main class="${isWide === true ? "wide" : ""}"><h1>${title}</h1>${content}</main></body>
</html>`;
  return page.toString();
}
