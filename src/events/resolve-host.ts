/**
 * Names to addresses, by a resolver that asks the network and waits on nothing else: the operating system's own takes
 * one of four threads of the process for as long as it waits, and four dead names would hold up every webhook.
 */

import { lookup, Resolver } from "node:dns/promises";

export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Rejects, or resolves to none, when the name has no address. */
export type ResolveHost = (host: string) => Promise<readonly HostAddress[]>;

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;

export function createDnsResolver(): ResolveHost {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  return async (host) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    if (four.status === "rejected" && six.status === "rejected") throw four.reason;
    return [
      ...(four.status === "fulfilled" ? four.value.map((address) => ({ address, family: 4 as const })) : []),
      ...(six.status === "fulfilled" ? six.value.map((address) => ({ address, family: 6 as const })) : []),
    ];
  };
}

/** For development: knows the names of `/etc/hosts`, such as localhost. */
export const resolveBySystem: ResolveHost = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
};
