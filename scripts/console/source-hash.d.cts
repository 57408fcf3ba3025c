export function hashConsoleSources(): string;
export const STAMP_NAME: string;
