/** Ctrl-C: the first one asks the work to stop and clean up, the second one stops at once. */

/** The shell's code for a program that Ctrl-C stopped: 128 + SIGINT. */
export const INTERRUPTED_EXIT_CODE = 130;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts extends Disposable {
  readonly signal: AbortSignal;
}

/** @param onFirst tells the user that it is stopping */
export function listenForInterrupts(onFirst: () => void): Interrupts {
  const controller = new AbortController();
  const handler = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) dieOf(name);
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
