/** What a result must say about the GPU of the machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../errors.js';
import { measureGpuCopies, type GpuCopies } from '../native/addon.js';
import { hasNvidiaDriver } from '../runtime/cuda.js';
import type { GpuFacts } from './results.js';
import { median } from './statistics.js';

const execute = promisify(execFile);

/** Watches an NVIDIA GPU through nvidia-smi, where there is one. */
export class GpuWatch implements Disposable {
  readonly #utilisation: number[] = [];
  #name: string | undefined;
  #copies: GpuCopies | undefined;
  #note = 'No NVIDIA driver was found: host-to-device copies and utilisation were not measured.';
  #timer: NodeJS.Timeout | undefined;

  /** Also measures how fast it is copied to, before anything else runs on it. */
  static async start(): Promise<GpuWatch> {
    const watch = new GpuWatch();
    if (!hasNvidiaDriver()) return watch;
    watch.#name = await query('name');
    if (watch.#name === undefined) {
      watch.#note = 'nvidia-smi could not be run: the GPU was not measured.';
      return watch;
    }
    try {
      watch.#copies = await measureGpuCopies();
      watch.#note = '';
    } catch (error) {
      watch.#note = `Host-to-device copies were not measured: ${messageOf(error)}`;
    }
    watch.#timer = setInterval(() => {
      void query('utilization.gpu').then((text) => {
        const share = Number(text) / 100;
        // Idle moments are those of other trials.
        if (share > 0) watch.#utilisation.push(share);
      });
    }, 500);
    watch.#timer.unref();
    return watch;
  }

  /** Null where there is none. */
  get facts(): GpuFacts | null {
    if (this.#name === undefined) return null;
    const { pinnedGBs = null, pageableGBs = null } = this.#copies ?? {};
    return {
      name: this.#name,
      utilisation: this.#utilisation.length === 0 ? null : median(this.#utilisation),
      ...{ pinnedGBs, pageableGBs },
    };
  }

  /** Why there is none, or what of it was not measured; empty where nothing is missing. */
  get note(): string {
    return this.#note;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

async function query(field: string): Promise<string | undefined> {
  try {
    const args = [`--query-gpu=${field}`, '--format=csv,noheader,nounits', '--id=0'];
    const { stdout } = await execute('nvidia-smi', args, { timeout: 5000 });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
