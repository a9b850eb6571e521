/** Ctrl-C: the first one asks the work to stop and clean up, the second one stops at once. */

/** The shell's code for a program that Ctrl-C stopped: 128 + SIGINT. */
export const INTERRUPTED_EXIT_CODE = 130;

/**
 * One Ctrl-C may arrive twice: from the terminal, and passed on by npm, timeout(1) or another parent
 * in the same process group. Nobody presses it twice as fast as this.
 */
const SAME_PRESS_MS = 250;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts extends Disposable {
  readonly signal: AbortSignal;
}

/** @param onFirst tells the user that it is stopping */
export function listenForInterrupts(onFirst: () => void): Interrupts {
  const controller = new AbortController();
  let firstAt = 0;
  const handler = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt >= SAME_PRESS_MS) dieOf(name);
      return;
    }
    firstAt = performance.now();
    onFirst();
    controller.abort(new Error(`received ${name}`));
  };
  for (const name of SIGNALS) process.on(name, handler);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, handler);
    },
  };
}

/**
 * Ends as a program that has no handler. Not process.exit(): it tears down threads that may be in the
 * middle of native code, which ends in an abort with a core dump.
 */
function dieOf(name: NodeJS.Signals): void {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}
