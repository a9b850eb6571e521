/** Turns progress reports into a line with rate and time left. */
import type { Progress, TrainingProgress } from '../runtime/progress.js';

export class ProgressMeter {
  readonly #now: () => number;
  #progress: Progress | undefined;
  #startedAt = 0;
  /** What was done when the stage began: a resumed job must not count old work as speed. */
  #startedWith = 0;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes a report; true where it is the first one of a stage. */
  update(progress: Progress): boolean {
    // The same stage may come again, for something else: then it counts from the start.
    const newStage =
      this.#progress?.stage !== progress.stage || progress.done < this.#progress.done;
    if (newStage) {
      this.#startedAt = this.#now();
      this.#startedWith = progress.done;
    }
    this.#progress = progress;
    return newStage;
  }

  /**
   * `features   4,096 of 15,000 tiles (27%)   62 tiles/s   2 min 56 s left   loss 0.12`
   * @param width characters there are; what matters least is left out to fit, as far as it goes
   */
  line(width = Infinity): string {
    const progress = this.#progress;
    if (progress === undefined) return '';
    const { stage, done, total, unit, note, training } = progress;
    if (training !== undefined) return fitParts(trainingParts(training), width);
    const parts = [stage.padEnd(10)];
    const seconds = (this.#now() - this.#startedAt) / 1000;
    const rate = seconds > 0 ? (done - this.#startedWith) / seconds : 0;
    if (total === undefined) {
      parts.push(amount(done, unit));
    } else {
      const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
      parts.push(`${amount(done, unit, false)} of ${amount(total, unit)} (${percent}%)`);
    }
    if (rate > 0) {
      parts.push(unit === 'bytes' ? `${amount(rate, unit)}/s` : `${formatRate(rate)} ${unit}/s`);
      if (total !== undefined && done < total) {
        parts.push(`${formatSeconds((total - done) / rate)} left`);
      }
    }
    if (note !== undefined && note !== '') parts.push(note);
    return parts.join('  ');
  }
}

/** A word of the line. */
interface Part {
  readonly text: string;
  /** The same, for a narrow terminal. */
  readonly short?: string;
  /** How little it matters: the largest is left out first. */
  readonly rank: number;
}

/** `epoch 3/10  batch 64/188  loss 0.1234  accuracy 0.9567  1,450 tiles/s  5.4 s to its end  at most 1 min 02 s left` */
function trainingParts(training: TrainingProgress): Part[] {
  const { phase, epoch, epochs, batch, batches, loss, accuracy, tilesPerSecond } = training;
  const { secondsLeftInEpoch, secondsLeft, mayEndEarlier } = training;
  const of = `${formatCount(batch)}/${formatCount(batches)}`;
  const parts: Part[] = [
    { text: `epoch ${formatCount(epoch)}/${formatCount(epochs)}`, rank: 0 },
    phase === 'train'
      ? { text: `batch ${of}`, short: of, rank: 3 }
      : { text: `validating ${of}`, rank: 3 },
    { text: `loss ${loss.toFixed(4)}`, rank: 2 },
    { text: `accuracy ${accuracy.toFixed(4)}`, short: `acc ${accuracy.toFixed(4)}`, rank: 2 },
  ];
  if (tilesPerSecond !== undefined) {
    parts.push({ text: `${formatRate(tilesPerSecond)} tiles/s`, rank: 4 });
  }
  if (secondsLeftInEpoch !== undefined && secondsLeft !== undefined) {
    if (epoch < epochs) {
      parts.push({ text: `${formatSeconds(secondsLeftInEpoch)} to its end`, rank: 5 });
    }
    const whole = formatSeconds(secondsLeft);
    parts.push(
      mayEndEarlier
        ? { text: `at most ${whole} left`, short: `at most ${whole}`, rank: 1 }
        : { text: `${whole} left`, rank: 1 },
    );
  }
  return parts;
}

/** Short words first, then one rank after the other left out, until the line fits. */
function fitParts(parts: readonly Part[], width: number): string {
  const ranks = [...new Set(parts.map(({ rank }) => rank))].sort((a, b) => b - a);
  let line = '';
  for (const most of ranks) {
    const kept = parts.filter(({ rank }) => rank <= most);
    for (const words of [kept, kept.map((part) => ({ ...part, text: part.short ?? part.text }))]) {
      line = words.map(({ text }) => text).join('  ');
      if (line.length <= width) return line;
    }
  }
  return line;
}

function amount(value: number, unit: string, withUnit = true): string {
  if (unit === 'bytes') return `${(value / 1e6).toFixed(1)}${withUnit ? ' MB' : ''}`;
  return `${formatCount(value)}${withUnit ? ` ${unit}` : ''}`;
}

/** 15000 -> `15,000`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three significant digits are plenty for a speed: `0.52`, `61.3`, `1,204`. */
export function formatRate(rate: number): string {
  if (rate >= 100) return formatCount(rate);
  return rate >= 10 ? rate.toFixed(1) : rate.toFixed(2);
}

/** `3.2 s`, `2 min 05 s`, `1 h 04 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
