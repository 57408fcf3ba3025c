/**
 * Which addresses a webhook may go to: the public internet and nothing else. Merchants choose the URLs, and what
 * Florin can reach (databases, cloud metadata, the console of a neighbour) is not theirs. Everything that is not
 * plainly public is refused, so that a range nobody thought of is refused too.
 */
import ipaddr from "ipaddr.js";

/** Public by its range, yet answered inside the cloud: the agent of Azure's virtual machines. */
const CLOUD_SERVICES: ReadonlySet<string> = new Set(["168.63.129.16"]);

/** All unicast addresses that are given out (RFC 4291); what lies outside embeds IPv4 addresses or is local. */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR("2000::/3");
/** RFC 9637. */
const DOCUMENTATION_V6 = ipaddr.IPv6.parseCIDR("3fff::/20");
/** The interface identifier of ISATAP (RFC 5214), which ends in an IPv4 address that a router unpacks. */
const ISATAP = 0x5efe;

/** Whether a webhook may connect to this numeric address. What is none may not. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text) || text.includes("%")) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== "unicast") return false;
  if (address instanceof ipaddr.IPv4) return !CLOUD_SERVICES.has(address.toString());
  return address.match(GLOBAL_UNICAST_V6) && !address.match(DOCUMENTATION_V6) && address.parts[5] !== ISATAP;
}
