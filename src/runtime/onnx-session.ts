/** ONNX Runtime sessions, each in a thread of its own so that the caller's goes on meanwhile. */
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { LungclsError, messageOf, readError } from '../errors.js';
import { throwIfAborted } from './abort.js';
import { cudaProblem } from './cuda.js';
import {
  acceleratorNeeds,
  acceleratorProblem,
  deviceNumbers,
  nvidiaGpus,
  parseDevice,
  type Device,
} from './device.js';
import { FLAGS } from './onnx-protocol.js';
import type {
  Attempt,
  OutputTensor,
  ProviderFailure,
  ProviderName,
  Reply,
  Request,
  WorkerStart,
} from './onnx-protocol.js';
import { resolveThreads } from './threads.js';

export type { OutputTensor } from './onnx-protocol.js';

export interface OnnxSessionOptions {
  /** The path of an .onnx file, or its bytes. */
  readonly model: string | Uint8Array;
  /**
   * `auto` (default): CUDA where it works, else the CPU; the description says which, and why. Of several
   * numbers the first one is taken: createOnnxPool takes them all.
   */
  readonly device?: Device | undefined;
  /** Threads of one run on the CPU; all available ones by default. */
  readonly threads?: number | undefined;
  /** How many sessions like it share the work; 1 by default. Only the description tells. */
  readonly sessions?: number | undefined;
  /** Ends the session: runs under way or queued are rejected with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

export interface OnnxSession {
  readonly provider: ProviderName;
  /** Version of ONNX Runtime. */
  readonly version: string;
  /** For people: `ONNX Runtime 1.30.0 (CPU, 2 threads; no NVIDIA driver was found)`. */
  readonly description: string;
  /** Names of the model's outputs. */
  readonly outputs: readonly string[];
  /**
   * Runs the model, whose one input is uint8, on a batch. Several runs may be asked for at once; they
   * are answered in order. The bytes are copied before this returns, so the caller may reuse them.
   * @param tiles As many bytes as `shape` says; may be longer.
   * @param shape Such as [N, S, S, 3].
   * @param outputs Names of those to give, all by default: what is not asked for is not copied out.
   * @returns The outputs by their names, float32.
   * @throws LungclsError INVALID_OPTION (too few bytes, an output of another name), MODEL_INVALID (the model refuses the input),
   * CLOSED, ABORTED, INTERNAL (the thread died).
   */
  run(
    tiles: Uint8Array,
    shape: readonly number[],
    outputs?: readonly string[],
  ): Promise<Map<string, OutputTensor>>;
  /** Lets runs that were asked for finish, then frees the session and its thread. */
  close(): Promise<void>;
}

interface PendingRun {
  resolve(outputs: Map<string, OutputTensor>): void;
  reject(error: LungclsError): void;
}

/** Input buffers kept for the next runs, so that their pages need not be mapped again. */
const MAX_SPARE_BUFFERS = 4;

/** How long the end of the process waits for a run under way, in ms. */
const EXIT_PATIENCE = 60_000;

/** The flags of every worker that is alive. */
const alive = new Set<Int32Array>();

/**
 * Runs when the process (or the thread that owns the sessions) ends: Node then ends the workers, and
 * onnxruntime-node aborts the whole process when its thread is ended inside of it. So queued runs are
 * dropped, and those under way waited for.
 */
function waitForRuns(): void {
  for (const flags of alive) Atomics.store(flags, FLAGS.stop, 1);
  for (const flags of alive) Atomics.wait(flags, FLAGS.busy, 1, EXIT_PATIENCE);
}

function startWorker(workerData: WorkerStart): Worker {
  const flags = new Int32Array(workerData.flags);
  const worker = new Worker(new URL('./onnx-worker.js', import.meta.url), {
    workerData,
    // Not the caller's: with node --input-type the worker would not start.
    execArgv: [],
  });
  if (alive.size === 0) process.on('exit', waitForRuns);
  alive.add(flags);
  worker.once('exit', () => {
    alive.delete(flags);
    if (alive.size === 0) process.off('exit', waitForRuns);
  });
  return worker;
}

class WorkerSession implements OnnxSession {
  readonly provider: ProviderName;
  readonly version: string;
  readonly description: string;
  readonly outputs: readonly string[];
  private readonly pending = new Map<number, PendingRun>();
  private spare: ArrayBuffer[] = [];
  private nextId = 0;
  private closing: Promise<void> | undefined;
  private ended: LungclsError | undefined;
  private readonly exited: Promise<void>;
  private readonly onAbort = (): void => {
    this.abort();
  };

  constructor(
    private readonly worker: Worker,
    private readonly flags: Int32Array,
    private readonly label: string | undefined,
    ready: {
      provider: ProviderName;
      version: string;
      description: string;
      outputs: readonly string[];
    },
    private readonly signal: AbortSignal | undefined,
  ) {
    this.provider = ready.provider;
    this.version = ready.version;
    this.description = ready.description;
    this.outputs = ready.outputs;
    worker.on('message', (reply: Reply) => {
      this.settle(reply);
    });
    worker.on('error', (error) => {
      this.end(sessionDied(messageOf(error), error));
    });
    this.exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.end(sessionDied(`exit code ${String(code)}`));
        resolve();
      });
    });
    // A session that nobody closed must not keep the process alive; a run under way must.
    worker.unref();
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  async run(
    tiles: Uint8Array,
    shape: readonly number[],
    outputs?: readonly string[],
  ): Promise<Map<string, OutputTensor>> {
    throwIfAborted(this.signal);
    if (this.closing !== undefined) {
      throw new LungclsError('CLOSED', 'This ONNX session has been closed');
    }
    if (this.ended !== undefined) throw this.ended;
    const length = shape.reduce((product, side) => product * side, 1);
    if (!Number.isSafeInteger(length) || length < 0 || tiles.length < length) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected ${String(length)} bytes for tiles of shape [${shape.join(', ')}] but received ${String(tiles.length)}`,
      );
    }
    const unknown = outputs?.find((name) => !this.outputs.includes(name));
    if (unknown !== undefined) {
      throw new LungclsError(
        'INVALID_OPTION',
        `Expected outputs out of ${this.outputs.join(', ')} but received ${unknown}`,
      );
    }
    const input = this.takeBuffer(length);
    new Uint8Array(input, 0, length).set(tiles.subarray(0, length));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.ref();
      this.post({ kind: 'run', id, input, length, shape, outputs }, [input]);
    });
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.signal?.removeEventListener('abort', this.onAbort);
    this.spare = [];
    if (this.ended === undefined) {
      this.worker.ref();
      this.post({ kind: 'close' });
    }
    await this.exited;
  }

  private abort(): void {
    // The run under way cannot be interrupted; those behind it are dropped by the worker.
    Atomics.store(this.flags, FLAGS.stop, 1);
    this.rejectAll(
      new LungclsError('ABORTED', 'Stopped before the end; run the same command to continue', {
        cause: this.signal?.reason,
      }),
    );
    void this.close();
  }

  private post(request: Request, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(request, transfer);
  }

  private takeBuffer(length: number): ArrayBuffer {
    const index = this.spare.findIndex((buffer) => buffer.byteLength >= length);
    const found = index < 0 ? undefined : this.spare.splice(index, 1)[0];
    return found ?? new ArrayBuffer(length);
  }

  private settle(reply: Reply): void {
    if (reply.kind !== 'result' && reply.kind !== 'error') return;
    const run = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if (this.pending.size === 0 && this.closing === undefined) this.worker.unref();
    if (reply.kind === 'result') {
      if (this.spare.length < MAX_SPARE_BUFFERS) this.spare.push(reply.input);
      run?.resolve(reply.outputs);
    } else {
      run?.reject(modelInvalid(`The model cannot be run: ${reply.message}`, this.label));
    }
  }

  /** The worker is gone. */
  private end(error: LungclsError): void {
    this.ended ??= error;
    this.signal?.removeEventListener('abort', this.onAbort);
    this.rejectAll(this.ended);
  }

  private rejectAll(error: LungclsError): void {
    for (const run of this.pending.values()) run.reject(error);
    this.pending.clear();
  }
}

function sessionDied(what: string, cause?: unknown): LungclsError {
  return new LungclsError(
    'INTERNAL',
    `The thread of the ONNX session ended unexpectedly: ${what}`,
    {
      cause,
    },
  );
}

function modelInvalid(message: string, label: string | undefined): LungclsError {
  return new LungclsError('MODEL_INVALID', message, label === undefined ? {} : { path: label });
}

/** The error of a model that no provider took. */
function loadError(failures: readonly ProviderFailure[], label: string | undefined): LungclsError {
  const cpu = failures.find((failure) => failure.provider === 'cpu');
  if (cpu !== undefined) {
    return modelInvalid(`Cannot load the model ${label ?? 'from memory'}: ${cpu.message}`, label);
  }
  const message = failures.map((failure) => failure.message).join('; ');
  const provider = failures[0]?.provider ?? 'cpu';
  const needs = provider === 'cpu' ? '' : `. ${acceleratorNeeds(provider)}`;
  return new LungclsError(
    'DEVICE_UNAVAILABLE',
    `ONNX Runtime cannot use ${provider}: ${message}${needs}`,
  );
}

/**
 * What to try, and why nothing better is among it.
 * @throws LungclsError INVALID_OPTION | DEVICE_UNAVAILABLE
 */
function attemptsFor(device: Device): { attempts: Attempt[]; note?: string } {
  const request = parseDevice(device);
  const { kind } = request;
  const cpu: Attempt = { provider: 'cpu', number: undefined };
  if (kind === 'cpu') return { attempts: [cpu] };
  if (kind === 'auto') {
    const problem = cudaProblem();
    return problem === undefined
      ? { attempts: [{ provider: 'cuda', number: undefined }, cpu] }
      : { attempts: [cpu], note: problem };
  }
  const problem = acceleratorProblem(kind);
  if (problem !== undefined) {
    throw new LungclsError(
      'DEVICE_UNAVAILABLE',
      `The device ${device} was asked for but ${problem}`,
    );
  }
  return { attempts: [{ provider: kind, number: deviceNumbers(request)[0] }] };
}

/** As people write them. */
const PROVIDER_TITLES: Record<ProviderName, string> = {
  cpu: 'CPU',
  cuda: 'CUDA',
  tensorrt: 'TensorRT',
  webgpu: 'WebGPU',
  coreml: 'Core ML',
  dml: 'DirectML',
};

function describe(
  ready: Extract<Reply, { kind: 'ready' }>,
  { threads, sessions }: { threads: number; sessions: number },
  device: Device,
  note: string | undefined,
): string {
  const { provider, version, failures } = ready;
  const each = `${String(threads)} thread${threads === 1 ? '' : 's'}`;
  const cpu = sessions === 1 ? each : `${String(sessions)} sessions x ${each}`;
  const where = `${PROVIDER_TITLES[provider]}${provider === 'cpu' ? `, ${cpu}` : gpuList(device)}`;
  const why = note ?? failures[0]?.message ?? idleGpus(provider, device);
  return `ONNX Runtime ${version} (${where}${why === undefined ? '' : `; ${why}`})`;
}

/** `, GPU 0, 1` where they were asked for by number. */
function gpuList(device: Device): string {
  const request = parseDevice(device);
  return request.numbers === undefined ? '' : `, GPU ${deviceNumbers(request).join(', ')}`;
}

/** What a machine with several GPUs could do and was not asked for. */
function idleGpus(provider: ProviderName, device: Device): string | undefined {
  if (provider !== 'cuda' && provider !== 'tensorrt') return undefined;
  const count = nvidiaGpus() ?? 1;
  if (count < 2 || parseDevice(device).numbers !== undefined) return undefined;
  return `one of ${String(count)} GPUs; ${provider}:all takes all of them`;
}

/** Waits for the worker's first word, its death, or the signal. */
async function firstReply(worker: Worker, signal: AbortSignal | undefined): Promise<Reply> {
  const settled = new AbortController();
  const { signal: done } = settled;
  const gaveUp = (error: unknown): never => {
    // The other waits of the race end with an AbortError once one of them has won.
    if (done.aborted) throw error;
    throw sessionDied(messageOf(error), error);
  };
  const waits: Promise<Reply>[] = [
    once(worker, 'message', { signal: done }).then(([reply]) => reply as Reply, gaveUp),
    once(worker, 'exit', { signal: done }).then(([code]) => {
      throw sessionDied(`exit code ${String(code)}`);
    }),
  ];
  if (signal !== undefined) {
    waits.push(
      once(signal, 'abort', { signal: done }).then(() => {
        throw new LungclsError('ABORTED', 'Stopped while the model was being loaded');
      }),
    );
  }
  try {
    return await Promise.race(waits);
  } catch (error) {
    // Let go, not terminated: see waitForRuns.
    worker.postMessage({ kind: 'close' } satisfies Request);
    worker.unref();
    throw error;
  } finally {
    settled.abort();
  }
}

/**
 * Loads an ONNX model into a thread of its own.
 * @throws LungclsError INPUT_NOT_FOUND or INPUT_UNREADABLE (no such file), MODEL_INVALID (not a model),
 * DEVICE_UNAVAILABLE (what was asked for cannot be had; the message says what is missing),
 * INVALID_OPTION, ABORTED.
 */
export async function createOnnxSession(options: OnnxSessionOptions): Promise<OnnxSession> {
  const { model, device = 'auto', sessions = 1, signal } = options;
  throwIfAborted(signal);
  const threads = resolveThreads(options.threads);
  const { attempts, note } = attemptsFor(device);
  const label = typeof model === 'string' ? model : undefined;
  if (label !== undefined) {
    await access(label).catch((error: unknown) => {
      throw readError(error, label, 'model');
    });
  }
  const flags = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  const worker = startWorker({ model, attempts, threads, flags });
  const reply = await firstReply(worker, signal);
  if (reply.kind === 'failed') throw loadError(reply.failures, label);
  if (reply.kind !== 'ready') throw sessionDied(`it answered ${reply.kind} first`);
  const description = describe(reply, { threads, sessions }, device, note);
  return new WorkerSession(
    worker,
    new Int32Array(flags),
    label,
    {
      provider: reply.provider,
      version: reply.version,
      description,
      outputs: reply.outputs,
    },
    signal,
  );
}
