/**
 * What a child process gets of its parent's environment: nothing of Florin's settings, only where programs are, and where
 * Node.js keeps compiled modules when somebody has said so (a start then costs half).
 */
export function childEnvironment(): Record<string, string> {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}
