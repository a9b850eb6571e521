/** A thread for work that may go wrong as a whole: run out of memory, go round in circles, or end. */
import { Worker } from 'node:worker_threads';

/** After so long without a question a thread ends; starting another takes some 50 ms. */
const IDLE_MS = 5000;
/** Of the JavaScript in it: what takes more ends the thread, and not the process. */
const MOST_HEAP_MB = 2048;

/**
 * Asks a module that answers each message on its `parentPort` with one. One question is under way at a
 * time; others wait. A thread that has failed, or taken too long, is ended, and the next question is
 * asked of a new one. It keeps no process from ending.
 */
export class WatchedThread {
  readonly #module: URL;
  readonly #name: string;
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  /** @param name for messages, such as `HDF5` */
  constructor(module: URL, name: string) {
    this.#module = module;
    this.#name = name;
  }

  /**
   * @param limitMs longest that the answer may take
   * @param endsThread whether, after such an answer, the thread is to answer no other question
   * @throws Error where there is no answer, and why
   */
  async ask(
    question: unknown,
    limitMs: number,
    endsThread: (answer: unknown) => boolean = () => false,
  ): Promise<unknown> {
    const before = this.#last;
    const answer = before.then(async () => {
      const own = await this.#ask(question, limitMs);
      if (endsThread(own)) await this.close();
      return own;
    });
    this.#last = answer.catch(() => undefined);
    return await answer;
  }

  /** Ends the thread; the next question starts another. What is under way fails. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  async #ask(question: unknown, limitMs: number): Promise<unknown> {
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<unknown>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', () => {
          reject(new Error(`${this.#name} has ended its thread`));
        });
        const seconds = Math.round(limitMs / 1000);
        timer = setTimeout(() => {
          reject(new Error(`${this.#name} has not come to an end in ${seconds} s`));
        }, limitMs);
        worker.postMessage(question);
      });
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      worker.removeAllListeners('message').removeAllListeners('error').removeAllListeners('exit');
      // What comes once nobody waits any more, such as a promise that fails late, ends the thread alone.
      worker.on('error', () => {
        if (this.#worker === worker) this.#worker = undefined;
      });
      worker.unref();
      this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  #start(): Worker {
    return new Worker(this.#module, {
      // Not the caller's: with node --input-type the thread would not start.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
    });
  }
}
