/** Which URLs a merchant may give for webhooks. What a name resolves to is checked again at each attempt. */
import { isIP } from "node:net";
import { isPublicAddress } from "./address-guard.ts";

export const MAX_WEBHOOK_URL_CHARS = 2_048;

/** Names that mean this machine or network wherever they are asked (RFC 6761, 6762, 8375 and customs of clouds). */
const LOCAL_NAMES =
  /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa|invalid|test|example|onion)$/;
/** Below it live other services than web servers; of them only the two of the web are webhooks' business. */
const FIRST_FREE_PORT = 1_024;

export interface UrlRules {
  /** Development: http, loopback and private addresses are let through. */
  readonly allowPrivate: boolean;
}

export type UrlVerdict =
  | { readonly kind: "fine"; readonly url: string }
  /** `reason` says what to write instead. */
  | { readonly kind: "forbidden"; readonly reason: string };

/** The parser reads every spelling of an address (decimal, hexadecimal, short, full-width) into its plain form. */
export function checkWebhookUrl(text: string, { allowPrivate }: UrlRules): UrlVerdict {
  const url = URL.parse(text);
  if (url === null || text.length > MAX_WEBHOOK_URL_CHARS) {
    return forbid(`Give an absolute https URL of at most ${MAX_WEBHOOK_URL_CHARS} characters.`);
  }
  if (url.protocol !== "https:" && !(allowPrivate && url.protocol === "http:")) {
    return forbid(
      allowPrivate ? "Give a URL that begins with https:// or http://." : "Give a URL that begins with https://.",
    );
  }
  if (url.username !== "" || url.password !== "") {
    return forbid("Leave user and password out of the URL: webhooks are signed instead.");
  }
  if (url.hash !== "") return forbid("Leave the fragment (#…) out of the URL: it is never sent.");
  if (allowPrivate) return { kind: "fine", url: url.href };
  const port = url.port === "" ? null : Number(url.port);
  if (port !== null && port < FIRST_FREE_PORT) {
    return forbid(`Use port 443 or one from ${FIRST_FREE_PORT} on: port ${port} belongs to another service.`);
  }
  return isPublicHost(hostOf(url))
    ? { kind: "fine", url: url.href }
    : forbid("Use a host on the public internet: private, local and reserved addresses are refused.");
}

/** Without the brackets of an IPv6 address and the dot of an absolute name. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");

function isPublicHost(host: string): boolean {
  if (isIP(host) !== 0) return isPublicAddress(host);
  return host.includes(".") && !LOCAL_NAMES.test(host);
}

const forbid = (reason: string): UrlVerdict => ({ kind: "forbidden", reason });
