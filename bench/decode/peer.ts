/**
 * A decoder under test, in a process of its own that stays: it prints "ready" and then, for each line
 * on stdin, decodes every file once to warm up, then until 0.4 s have passed, keeps the results, and
 * prints a Round.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

export interface PeerCommand {
  /** What the table calls it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
}

export interface Round {
  /** Over all files. */
  readonly passes: number;
  readonly seconds: number;
  /** Processor time of the whole process, all threads. */
  readonly cpuSeconds: number;
}

export class Peer {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  readonly #said: string[] = [];

  /** `cpus`: the processors that it may run on, for taskset; all where undefined. */
  constructor({ name, command, args, env }: PeerCommand, cpus: string | undefined) {
    this.name = name;
    const pinned = cpus === undefined ? [] : ['-c', cpus, command];
    const program = cpus === undefined ? command : 'taskset';
    this.#child = spawn(program, [...pinned, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    if (this.#child.stdout === null) throw new Error('No pipe from the process');
    this.#lines = createInterface(this.#child.stdout);
    this.#lines.on('line', (line) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#said.push(line);
      else next.resolve(line);
    });
    const fail = (why: string): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${name}: ${why}`));
    };
    this.#child.on('error', (error) => {
      fail(error.message);
    });
    this.#child.on('close', (code) => {
      fail(`ended with ${String(code)}`);
    });
  }

  async ready(): Promise<void> {
    const line = await this.#line();
    if (line !== 'ready') throw new Error(`${this.name}: expected "ready" but it said "${line}"`);
  }

  async run(): Promise<Round> {
    this.#child.stdin?.write('run\n');
    return JSON.parse(await this.#line()) as Round;
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#lines.close();
  }

  async #line(): Promise<string> {
    const line = this.#said.shift();
    if (line !== undefined) return line;
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
}
