/** A progress bar on a terminal; a line for each phase elsewhere. Always on stderr, so that stdout is the result. */

export interface Progress {
  phase(name: string): void;
  update(done: number, total: number): void;
  end(): void;
}

const BAR_WIDTH = 24;
const REDRAW_MS = 100;

export function createProgress(phases: number): Progress {
  const isTerminal = process.stderr.isTTY === true;
  let number = 0;
  let current = "";
  let drawnMs = 0;
  const draw = (share: number): void => {
    const full = Math.round(share * BAR_WIDTH);
    process.stderr.write(`\r\x1b[K[${number}/${phases}] ${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} ${current}`);
  };
  return {
    phase(name) {
      number += 1;
      current = name;
      if (isTerminal) draw(0);
      else process.stderr.write(`[${number}/${phases}] ${name}\n`);
    },
    update(done, total) {
      if (!isTerminal || performance.now() - drawnMs < REDRAW_MS) return;
      drawnMs = performance.now();
      draw(done / total);
    },
    end() {
      if (isTerminal) process.stderr.write("\r\x1b[K");
    },
  };
}
