/** Several ONNX sessions behind the interface of one, each in a thread of its own. */
import { createOnnxSession, type OnnxSession, type OnnxSessionOptions } from './onnx-session.js';
import { deviceNumbers, parseDevice, type Device } from './device.js';
import type { ProviderName } from './onnx-protocol.js';
import { resolveThreads } from './threads.js';

/**
 * Each session holds the weights once more and the activations of a batch; beyond this many, more
 * threads go into each of them.
 */
const MAX_SESSIONS = 8;

export interface OnnxPoolOptions extends OnnxSessionOptions {
  /**
   * `latency`: one session that uses all threads for each run. `throughput`: on the CPU, sessions of
   * one thread each, which never wait for each other.
   */
  readonly arrangement: Arrangement;
}

export type Arrangement = 'latency' | 'throughput';

export interface OnnxPool extends OnnxSession {
  /** Sessions: so many runs go on at once. */
  readonly sessions: number;
}

/**
 * As createOnnxSession; `threads` are shared out among the sessions. A run goes to the session with the
 * fewest that wait, so that answers need not come in order: one queue. On an accelerator there is one session
 * on each of those that `device` numbers, `cuda:0,1` say, and one where it numbers none.
 * @throws LungclsError as createOnnxSession
 */
export async function createOnnxPool({
  arrangement,
  ...options
}: OnnxPoolOptions): Promise<OnnxPool> {
  const threads = resolveThreads(options.threads);
  const wanted = arrangement === 'throughput' ? Math.min(threads, MAX_SESSIONS) : 1;
  // Threads that are left over stay with decoding.
  const own = { ...options, threads: Math.floor(threads / wanted), sessions: wanted };
  const first = await createOnnxSession(own);
  const further = first.provider === 'cpu' ? cpuDevices(wanted) : furtherDevices(own.device);
  const opened = await Promise.allSettled(
    further.map((device) => createOnnxSession({ ...own, device })),
  );
  const others = opened.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const pool = new SessionPool([first, ...others]);
  const failed = opened.find((result) => result.status === 'rejected');
  if (failed === undefined) return pool;
  await pool.close();
  throw failed.reason;
}

/** Of the sessions behind the first one. */
function cpuDevices(sessions: number): Device[] {
  return Array.from({ length: sessions - 1 }, () => 'cpu' as const);
}

/** `cuda:1`, `cuda:2` for `cuda:0,1,2`: the first one is taken. */
function furtherDevices(device: Device = 'auto'): Device[] {
  const request = parseDevice(device);
  const { kind } = request;
  if (kind === 'auto' || kind === 'cpu') return [];
  return deviceNumbers(request)
    .slice(1)
    .map((number): Device => `${kind}:${String(number)}`);
}

class SessionPool implements OnnxPool {
  readonly provider: ProviderName;
  readonly version: string;
  readonly description: string;
  readonly outputs: readonly string[];
  readonly sessions: number;
  readonly #members: readonly Member[];

  constructor(sessions: readonly [OnnxSession, ...OnnxSession[]]) {
    const { provider, version, description, outputs } = sessions[0];
    this.provider = provider;
    this.version = version;
    this.description = description;
    this.outputs = outputs;
    this.sessions = sessions.length;
    this.#members = sessions.map((session) => ({ session, waiting: 0 }));
  }

  async run(...args: Parameters<OnnxSession['run']>): ReturnType<OnnxSession['run']> {
    const member = this.#members.reduce((a, b) => (b.waiting < a.waiting ? b : a));
    member.waiting++;
    try {
      // Not awaited before: the session copies the input at once.
      return await member.session.run(...args);
    } finally {
      member.waiting--;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ session }) => session.close()));
  }
}

interface Member {
  readonly session: OnnxSession;
  /** Runs asked for and not yet answered. */
  waiting: number;
}
