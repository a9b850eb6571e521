/** How steady the machine is: the same piece of work, timed again and again while no trial works. */
import type { NoiseEstimate, TrialResult } from './results.js';
import { median, relativeNoise } from './statistics.js';
import { rateOf } from './summary.js';

/** Some 20 ms of dependent multiply-adds: nothing but the clock of a core and who else uses it. */
const STEPS = 8_000_000;

export class NoiseProbe {
  readonly #times: number[] = [];
  #sum = 0;

  constructor() {
    // Compiled before the clock starts.
    this.#work();
  }

  run(): void {
    const begin = performance.now();
    this.#work();
    this.#times.push(performance.now() - begin);
  }

  #work(): void {
    let value = this.#sum;
    for (let i = 0; i < STEPS; i++) value = value * 0.999999 + 0.000001;
    this.#sum = value;
  }

  estimate(): Pick<NoiseEstimate, 'probeMs' | 'probe'> {
    return { probeMs: this.#times, probe: relativeNoise(this.#times) };
  }
}

/** Of a trial's rounds, as a share of their median. */
export function trialNoise({ rounds }: TrialResult): number {
  return relativeNoise(rounds.map(rateOf));
}

/** The median over trials; 0 of none. */
export function roundNoise(trials: readonly TrialResult[]): number {
  const measured = trials.filter(({ rounds }) => rounds.length > 1).map(trialNoise);
  return measured.length === 0 ? 0 : median(measured);
}
