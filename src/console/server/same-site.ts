/**
 * Only the console's own pages may speak with it. A page of another site can send a form or a script's request with the
 * operator's cookie, so: the browser's word where a request comes from is believed, and what changes something needs a
 * header that no form can send and no foreign script may.
 */
import { Refusal } from "../../core/errors.ts";
import type { HttpContext } from "../../http/http-env.ts";

const HEADER = "x-florin-console";
const OWN_SITES: ReadonlySet<string> = new Set(["same-origin", "none"]);
const DETAIL = "Only the console's own pages may do this. Open the console at its own address and do it there.";

export const isReading = (method: string): boolean => method === "GET" || method === "HEAD";

/** Whether headers of a browser's request name no other site. Old browsers and programs send neither of them. */
export function comesFromHere(
  header: (name: string) => string | undefined,
  hosts: { readonly publicUrl: string; readonly host: string | undefined },
): boolean {
  const site = header("sec-fetch-site");
  if (site !== undefined && !OWN_SITES.has(site)) return false;
  const origin = header("origin");
  if (origin === undefined) return true;
  const from = URL.parse(origin);
  return from !== null && (from.origin === URL.parse(hosts.publicUrl)?.origin || from.host === hosts.host);
}

/** Throws `cross-site-refused`. */
export function refuseForeignSites(c: HttpContext, publicUrl: string): void {
  const isOurs = comesFromHere((name) => c.req.header(name), { publicUrl, host: c.req.header("host") });
  if (!isOurs) throw new Refusal("cross-site-refused", DETAIL);
  if (!isReading(c.req.method) && c.req.header(HEADER) !== "1") {
    throw new Refusal("cross-site-refused", `${DETAIL} (The header ${HEADER}: 1 is missing.)`);
  }
}
