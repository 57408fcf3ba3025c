/** The console's pages as they were built: everything comes from here, nothing runs that is not a file of its own. */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sendBody } from "../../http/answers.ts";
import type { HttpContext } from "../../http/http-env.ts";

export interface StaticFiles {
  /** A file below `/console`; for every path that is none, the shell in which the pages find their way. */
  sendPage(c: HttpContext, path: string): Response;
  /** A machine's picture or data; null when there is none of that name. */
  sendMachine(c: HttpContext, name: string): Response | null;
}

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".mmd": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
  ".png": "image/png",
};
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/** A picture brings its own colours; it has no script and loads nothing. */
const PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
/** Their names change with their bytes. */
const FOR_EVER = "public, max-age=31536000, immutable";
const EACH_TIME = "no-cache";
const MACHINES = "machines/";
const NOT_BUILT =
  "<!doctype html><html lang=en><meta charset=utf-8><title>The console is not built</title>" +
  "<h1>The console is not built</h1><p>Run <code>npm run build:console</code> in Florin's folder, then start Florin again.</p></html>";

function readFiles(folder: string, prefix = ""): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
    const name = `${prefix}${entry.name}`;
    if (entry.isDirectory()) for (const [path, bytes] of readFiles(folder, `${name}/`)) files.set(path, bytes);
    else files.set(name, new Uint8Array(readFileSync(join(folder, name))));
  }
  return files;
}

/** Reads all of it once: some hundred kilobytes. `folder` ends in a slash. */
export function loadStaticFiles(folder: string = DIST): StaticFiles {
  let files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  try {
    files = readFiles(folder);
  } catch {
    files = new Map();
  }

  function send(c: HttpContext, name: string, bytes: Uint8Array<ArrayBuffer>, policy: string): Response {
    return sendBody(c, {
      status: 200,
      contentType: TYPES[extname(name)] ?? "application/octet-stream",
      body: bytes,
      headers: {
        "cache-control": name.startsWith("assets/") ? FOR_EVER : EACH_TIME,
        "content-security-policy": policy,
      },
    });
  }

  return {
    sendPage(c, path) {
      const name = path.replace(/^\/console\/?/, "");
      const file = name.startsWith(MACHINES) ? undefined : files.get(name);
      if (file !== undefined) return send(c, name, file, PAGE_POLICY);
      const shell = files.get("index.html");
      if (shell !== undefined) return send(c, "index.html", shell, PAGE_POLICY);
      return sendBody(c, { status: 503, contentType: "text/html; charset=utf-8", body: NOT_BUILT });
    },
    sendMachine(c, name) {
      const file = files.get(`${MACHINES}${name}`);
      return file === undefined ? null : send(c, name, file, PICTURE_POLICY);
    },
  };
}
