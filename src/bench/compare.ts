/** Two benches beside each other: what got faster or slower by more than noise explains. */
import type { BenchResults, TrialResult } from './results.js';
import { trialNoise } from './noise.js';
import { rate } from './words.js';

/** `same`: the difference is within the noise. The others are about trials that one side alone has right. */
export type ChangeKind = 'faster' | 'slower' | 'same' | 'broken' | 'mended' | 'gone' | 'new';

export interface Change {
  readonly workload: string;
  readonly group: string;
  readonly variant: string;
  readonly name: string;
  readonly kind: ChangeKind;
  /** New speed by old speed; null where one side has none. */
  readonly ratio: number | null;
  /** A ratio within 1 / (1 + noise) to 1 + noise says nothing. */
  readonly noise: number;
  readonly reason: string;
}

export interface BenchComparison {
  readonly changes: readonly Change[];
  /** What makes the two hard to compare: other machines, other inputs. */
  readonly warnings: readonly string[];
}

/** Least difference that is told: two runs of the same differ by as much from one process to the next. */
const LEAST = 0.03;
/** Standard deviations that a difference has to exceed. */
const SIGMAS = 3;

export function compareBenches(old: BenchResults, now: BenchResults): BenchComparison {
  const key = ({ workload, group, variant }: TrialResult): string =>
    JSON.stringify([workload, group, variant]);
  const before = new Map(old.trials.map((trial) => [key(trial), trial]));
  const after = new Map(now.trials.map((trial) => [key(trial), trial]));
  const machine = Math.hypot(old.noise.probe, now.noise.probe);
  const changes = [...after].map(([name, trial]) => change(before.get(name), trial, machine));
  for (const [name, trial] of before) {
    if (!after.has(name)) changes.push(entry(trial, 'gone', 'not measured in the new one'));
  }
  return { changes, warnings: warningsOf(old, now) };
}

function change(before: TrialResult | undefined, after: TrialResult, machine: number): Change {
  if (before === undefined) return entry(after, 'new', 'not measured in the old one');
  if (before.status === 'ok' && after.status !== 'ok') {
    return entry(after, 'broken', `${after.status}: ${after.reason}`);
  }
  if (before.status !== 'ok') {
    if (after.status === 'ok')
      return entry(after, 'mended', `was ${before.status}: ${before.reason}`);
    return entry(after, 'same', `still ${after.status}: ${after.reason}`);
  }
  const [oldRate, newRate] = [before, after].map((trial) => trial.tilesPerSecond?.median ?? NaN);
  const ratio = (newRate ?? NaN) / (oldRate ?? NaN);
  if (!Number.isFinite(ratio)) return entry(after, 'same', 'no speed to compare');
  const scatter = Math.hypot(trialNoise(before), trialNoise(after), machine);
  const noise = Math.max(LEAST, SIGMAS * scatter);
  const kind = ratio > 1 + noise ? 'faster' : ratio < 1 / (1 + noise) ? 'slower' : 'same';
  const reason = `${rate(oldRate ?? NaN)} to ${rate(newRate ?? NaN)} tiles/s`;
  return { ...entry(after, kind, reason), ratio, noise };
}

function entry(trial: TrialResult, kind: ChangeKind, reason: string): Change {
  const { workload, group, variant, name } = trial;
  return { workload, group, variant, name, kind, ratio: null, noise: 0, reason };
}

function warningsOf(old: BenchResults, now: BenchResults): string[] {
  const facts: readonly (readonly [string, unknown, unknown])[] = [
    ['CPU', old.machine.cpu, now.machine.cpu],
    ['number of cores', old.machine.cores, now.machine.cores],
    ['threads allowed', old.machine.threads, now.machine.threads],
    ['GPU', old.machine.gpu?.name ?? 'none', now.machine.gpu?.name ?? 'none'],
    ['images', old.images.what, now.images.what],
    ['mean size of a file', old.images.meanBytes, now.images.meanBytes],
    ['model', old.model?.what ?? 'none', now.model?.what ?? 'none'],
    ['Node', old.versions['node'], now.versions['node']],
  ];
  return facts
    .filter(([, a, b]) => a !== b)
    .map(([what, a, b]) => `Another ${what}: ${String(a)}, then ${String(b)}`);
}

const ORDER: readonly ChangeKind[] = [
  'broken',
  'slower',
  'faster',
  'mended',
  'new',
  'gone',
  'same',
];

/** For people: what matters first, what did not change as a count. */
export function comparisonLines({ changes, warnings }: BenchComparison): string[] {
  const count = (kind: ChangeKind): number => changes.filter((own) => own.kind === kind).length;
  const told = changes
    .filter(({ kind }) => kind !== 'same')
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  return [
    ...warnings,
    ...told.map(({ kind, workload, group, name, ratio, noise, reason }) => {
      const by = ratio === null ? '' : ` ${ratio.toFixed(2)} times`;
      const within = ratio === null ? '' : `; noise ${(100 * noise).toFixed(0)} %`;
      return `${kind.padEnd(7)}${by}  ${workload}, ${group}: ${name} (${reason}${within})`;
    }),
    `${count('faster')} faster, ${count('slower')} slower, ${count('broken')} broken, ${count('same')} the same within the noise`,
  ];
}
