import { readFileSync } from 'node:fs';

/**
 * Bytes of memory this process holds now, mapped files not counted (their pages are a cache that the
 * system takes back): anonymous and shared pages of /proc/self/status, or all resident memory where
 * there is no /proc.
 */
function heldBytes(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const kilobytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN);
    const held = (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024;
    if (Number.isFinite(held)) return held;
  } catch {
    // Not Linux.
  }
  return process.memoryUsage.rss();
}

/** Remembers the most memory it saw. */
export class PeakMemory implements Disposable {
  #bytes = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      this.sample();
    }, 100);
    this.#timer.unref();
  }

  /** For moments that the timer, which a busy thread holds up, would miss. */
  sample(): void {
    this.#bytes = Math.max(this.#bytes, heldBytes());
  }

  get bytes(): number {
    this.sample();
    return this.#bytes;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
