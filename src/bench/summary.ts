/** From the rounds of trials to the figures that people read. */
import type { CheckResult } from './answers.js';
import type {
  Comparison,
  Floors,
  FloorShare,
  RoundSample,
  TrialResult,
  TrialStatus,
} from './results.js';
import { median, pairedRatios, quantile, spreadOf } from './statistics.js';
import type { FloorUse, VariantPlan } from './workload.js';

/** What is known of a trial once it has ended. */
export interface TrialFacts {
  readonly suite: string;
  readonly workload: string;
  readonly group: string;
  readonly plan: VariantPlan;
  readonly batch: number;
  readonly threads: number;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly status: TrialStatus;
  readonly reason: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly rounds: readonly RoundSample[];
  readonly peakRssBytes: number | null;
  readonly check: CheckResult | null;
  readonly reference: boolean;
}

/** The floors are filled in by `withFloors`, once they have been measured. */
export function summarize({ plan, ...facts }: TrialFacts): TrialResult {
  const { rounds } = facts;
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs ?? []);
  const stagesMs = stagesOf(rounds);
  return {
    ...facts,
    ...{ variant: plan.variant, name: plan.name, kind: plan.kind },
    tilesPerSecond: spreadOf(rounds.map(rateOf)) ?? null,
    latencyMs:
      latencies.length === 0
        ? null
        : {
            p50: quantile(latencies, 0.5),
            p95: quantile(latencies, 0.95),
            p99: quantile(latencies, 0.99),
            count: latencies.length,
          },
    stagesMs,
    bottleneck: slowest(stagesMs),
    floors: [],
  };
}

export function rateOf({ tiles, seconds }: RoundSample): number {
  return tiles / seconds;
}

/** Tiles a second of each round. */
export function roundRates({ rounds }: TrialResult): { round: number; rate: number }[] {
  return rounds.map((sample) => ({ round: sample.round, rate: rateOf(sample) }));
}

/** Milliseconds a tile by stage, medians of the rounds that have it. */
function stagesOf(rounds: readonly RoundSample[]): Record<string, number> | null {
  const byStage = new Map<string, number[]>();
  for (const { tiles, stages } of rounds) {
    for (const [stage, seconds] of Object.entries(stages ?? {})) {
      const own = byStage.get(stage) ?? [];
      own.push((1000 * seconds) / tiles);
      byStage.set(stage, own);
    }
  }
  if (byStage.size === 0) return null;
  return Object.fromEntries([...byStage].map(([stage, values]) => [stage, median(values)]));
}

function slowest(stages: Readonly<Record<string, number>> | null): string | null {
  const [first] = Object.entries(stages ?? {}).sort(([, a], [, b]) => b - a);
  return first?.[0] ?? null;
}

/** Each trial's speed against the reference of its group, round by round. */
export function comparisonsOf(trials: readonly TrialResult[]): Comparison[] {
  const reference = trials.find((trial) => trial.reference);
  if (reference === undefined) return [];
  return trials.flatMap((trial): Comparison[] => {
    // A wrong answer is not fast.
    if (trial === reference || trial.status !== 'ok') return [];
    const ratios = pairedRatios(roundRates(trial), roundRates(reference));
    const ratio = spreadOf(ratios);
    if (ratio === undefined) return [];
    const { workload, group, variant } = trial;
    return [{ workload, group, variant, against: reference.variant, ratios, ratio }];
  });
}

/** A trial beside what the machine could do; floors that were not measured are left out. */
export function withFloors(
  trial: TrialResult,
  uses: readonly FloorUse[],
  floors: Floors,
): TrialResult {
  if (trial.status !== 'ok' || trial.tilesPerSecond === null) return trial;
  const whole = trial.tilesPerSecond.median;
  const shares = uses.flatMap(({ stage, floor, perTile }): FloorShare[] => {
    const most = floors[floor];
    const ownMs = stage === undefined ? undefined : trial.stagesMs?.[stage];
    const rate = stage === undefined ? whole : 1000 / (ownMs ?? NaN);
    const share = (rate * perTile) / (most ?? NaN);
    return Number.isFinite(share) ? [{ stage: stage ?? null, floor, perTile, share }] : [];
  });
  return { ...trial, floors: shares };
}
