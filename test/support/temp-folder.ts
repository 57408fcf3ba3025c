import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempFolder extends Disposable {
  readonly path: string;
  remove(): void;
}

/** A folder of its own for one test, mode 0700. Take it with `using`, or call `remove` in `afterAll`. */
export function createTempFolder(name = "test"): TempFolder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `florin-${name}-`)));
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return { path, remove, [Symbol.dispose]: remove };
}
