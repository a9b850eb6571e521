/**
 * What a user sees. Results go to stdout, everything else (progress, what it runs on, warnings,
 * errors) to stderr, so that stdout can be piped.
 */
import { LungclsError, messageOf } from '../errors.js';
import type { Progress, TaskOptions } from '../runtime/progress.js';
import { ProgressMeter } from './progress-meter.js';

/** The part of a stream that is needed; tests give their own. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ReporterOptions {
  /** The result on stdout is one JSON document. */
  json: boolean;
  /** Nothing but results and errors. */
  quiet: boolean;
  /** Errors come with their stack and cause. */
  verbose: boolean;
  stdout: OutputStream;
  stderr: OutputStream;
  /** Milliseconds; tests give their own clock. */
  now?: () => number;
}

/** A line on a terminal is redrawn at most this often; a log gets a line at most this often. */
const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 15_000;

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #meter: ProgressMeter;
  readonly #now: () => number;
  #lastDrawn = Number.NEGATIVE_INFINITY;
  #lineShown = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#meter = new ProgressMeter(this.#now);
  }

  get json(): boolean {
    return this.#options.json;
  }

  get quiet(): boolean {
    return this.#options.quiet;
  }

  /** The call-backs of a library function. */
  task(signal: AbortSignal): Required<TaskOptions> {
    return {
      signal,
      onProgress: (progress) => {
        this.progress(progress);
      },
      onMessage: (message, level) => {
        this.message(level === 'warning' ? `warning: ${message}` : message);
      },
    };
  }

  progress(progress: Progress): void {
    if (this.#options.quiet) return;
    const { stderr } = this.#options;
    const newStage = this.#meter.update(progress);
    // The last batch of training is not its end: validation follows, and a message.
    const finished =
      progress.total !== undefined &&
      progress.done >= progress.total &&
      progress.training === undefined;
    const interval = stderr.isTTY === true ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS;
    // The first line of a stage in a log waits too: short stages need none.
    if (newStage && stderr.isTTY !== true) this.#lastDrawn = this.#now();
    const due = this.#now() - this.#lastDrawn >= interval;
    if (!due && !(finished && stderr.isTTY === true)) return;
    this.#lastDrawn = this.#now();
    if (stderr.isTTY === true) {
      // Carriage return and "erase to the end of the line" (ECMA-48 EL): one line, updated in place.
      const width = (stderr.columns ?? 80) - 1;
      stderr.write(`\r${this.#meter.line(width).slice(0, width)}\u001b[K`);
      this.#lineShown = true;
      if (finished) this.#endLine();
    } else {
      stderr.write(`${this.#meter.line()}\n`);
    }
  }

  /** A line for a human. */
  message(text: string): void {
    if (this.#options.quiet) return;
    this.#endLine();
    this.#options.stderr.write(`${text}\n`);
  }

  /** What a library below us prints: shown to those who look for a fault. */
  chatter(text: string): void {
    if (this.#options.verbose) this.message(text);
  }

  /** The result: lines for a human, or the JSON value. */
  result(lines: readonly string[], value: unknown): void {
    this.#endLine();
    const { json, quiet, stdout } = this.#options;
    if (json) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    else if (!quiet) for (const line of lines) stdout.write(`${line}\n`);
  }

  /** One line, `error[CODE]: message`; with `verbose`, the stack and what caused it behind it. */
  error(error: unknown): void {
    this.#endLine();
    const code = error instanceof LungclsError ? error.code : 'INTERNAL';
    const message = messageOf(error);
    const { json, stdout, stderr, verbose } = this.#options;
    stderr.write(`error[${code}]: ${oneLine(message)}\n`);
    if (verbose && error instanceof Error) {
      stderr.write(`${error.stack ?? ''}\n`);
      for (let { cause } = error; cause instanceof Error; cause = cause.cause) {
        stderr.write(`caused by: ${cause.stack ?? cause.message}\n`);
      }
    }
    if (json) {
      const path = error instanceof LungclsError ? error.path : undefined;
      const value = { error: { code, message, ...(path === undefined ? {} : { path }) } };
      stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    }
  }

  #endLine(): void {
    if (!this.#lineShown) return;
    this.#options.stderr.write('\n');
    this.#lineShown = false;
  }
}

/** Messages may quote a file name with line breaks in it: an error stays one line. */
function oneLine(text: string): string {
  return Array.from(text, (c) =>
    c < ' ' || c === '\u007f' ? JSON.stringify(c).slice(1, -1) : c,
  ).join('');
}
