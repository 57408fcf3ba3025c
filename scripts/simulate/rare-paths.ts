/** Paths that must be reached by enough seeds, or the simulation does not try what it is said to try. */
export const RARE_PATHS: Readonly<Record<string, string>> = {};
