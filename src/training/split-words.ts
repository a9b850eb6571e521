/** What is said of a split: in messages, in the model card, and in metrics. */
import type { SampledLeakage } from '../dataset/leakage.js';
import type { ReportSplit } from '../report/data.js';
import type { TaskOptions } from '../runtime/progress.js';

/** A split in a sentence or two, for messages and the model card. */
export function splitSentence(facts: ReportSplit): string {
  const { kind, seed, train, validation } = facts;
  const what = {
    random: `Random split of single tiles, seed ${String(seed)}`,
    grouped: `Grouped split, seed ${String(seed)}: each group on one side`,
    file: `Split given by ${facts.file ?? 'a file'}`,
  }[kind];
  const sizes = `${String(train)} tiles train, ${String(validation)} validate`;
  return `${what}; ${sizes}. ${leakSentence(facts)}`;
}

function leakSentence({ leakage, sampledLeakage, groups }: ReportSplit): string {
  const unknownTiles = groups?.unknownTiles ?? 0;
  if (leakage === undefined) {
    const unknown = 'Which tiles come from one original is not known';
    return sampledLeakage === undefined
      ? `${unknown}: copies may stand on both sides`
      : `${unknown}; ${sampleSentence(sampledLeakage)}`;
  }
  const { tiles, share, unknown } = leakage;
  const seen =
    tiles === 0
      ? 'No validation tile has a known sibling in training'
      : `${String(tiles)} validation tiles (${(100 * share).toFixed(1)}%) have a sibling in training`;
  return unknownTiles === 0 ? seen : `${seen}; of ${String(unknown)} it is not known`;
}

/** What was found of a sample of the validation part, as the end of a sentence. */
export function sampleSentence(leakage: SampledLeakage): string {
  const { tiles, sampled, among } = leakage;
  const percent = (value: number): string => (100 * value).toFixed(1);
  const shares = `${percent(leakage.share)}%, 95% interval ${percent(leakage.low)} to ${percent(leakage.high)}%`;
  if (tiles === 0) {
    return `of ${String(sampled)} validation tiles looked at, none has a copy among ${String(among)} training tiles: fewer than ${percent(leakage.high)}% of all are likely to`;
  }
  return `of ${String(sampled)} validation tiles looked at, at least ${String(tiles)} (${shares}) have a copy among ${String(among)} training tiles`;
}

/** Says, loudly where it is so, that copies of validation tiles are trained on. */
export function announceSample(leakage: SampledLeakage, { onMessage }: TaskOptions): void {
  if (leakage.tiles === 0) {
    onMessage?.(`No leak found: ${sampleSentence(leakage)}`, 'info');
    return;
  }
  onMessage?.(
    `The split leaks: ${sampleSentence(leakage)}, made from the same original, so that the validation accuracy is better than on new tissue. \`lungcls-fast audit\` finds all copies; then train with --split grouped for an honest figure`,
    'warning',
  );
}

/**
 * Says which split it is, and loudly where its score flatters.
 * @param sampled where groups are not known, a sample is looked at later on
 */
export function announceSplit(
  facts: ReportSplit,
  { onMessage }: TaskOptions,
  sampled = false,
): void {
  const { kind, groups, leakage, validation } = facts;
  if (groups !== undefined && groups.unknownTiles > 0) {
    onMessage?.(
      `${String(groups.unknownTiles)} tiles have no group in ${groups.from}: each counts as a group of its own, and copies among them may stand on both sides`,
      'warning',
    );
  }
  if (leakage === undefined) {
    onMessage?.(
      `${kind === 'file' ? `The split is that of ${facts.file ?? 'a file'}` : 'The split is random, as in the recipe'}. Where several tiles were made from one original, as in LC25000, copies of it may stand on both sides, and the validation accuracy is better than on new tissue. \`lungcls-fast audit\` finds such copies${sampled ? '; a sample is looked at below' : ''}`,
      sampled ? 'info' : 'warning',
    );
  } else if (leakage.tiles > 0) {
    onMessage?.(
      `The split leaks: ${String(leakage.tiles)} of ${String(validation)} validation tiles (${(100 * leakage.share).toFixed(1)}%) have a sibling in training, made from the same original, so that the validation accuracy is better than on new tissue. Train with --split grouped for an honest figure`,
      'warning',
    );
  } else {
    onMessage?.(splitSentence(facts), 'info');
  }
}
