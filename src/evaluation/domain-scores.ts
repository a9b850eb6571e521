/** How many judged tiles are unlike those of training, and how right the model is on them. */
import {
  DOMAIN_REASONS,
  type DomainFacts,
  type DomainJudgement,
  type DomainReason,
} from '../domain/domain.js';

export interface DomainScores {
  /** How the model's domain was fitted. */
  readonly fitted: DomainFacts;
  readonly tiles: number;
  /** Tiles out of the domain, by what is unlike. */
  readonly outside: Readonly<Record<DomainReason, number>>;
  /** Of each class, in their order. */
  readonly outsidePerClass: readonly number[];
  /** Of the tiles in the domain and of those outside, 0 to 1; null where there are none. */
  readonly accuracyInside: number | null;
  readonly accuracyOutside: number | null;
  /** Median and largest score. */
  readonly medianScore: number;
  readonly largestScore: number;
}

/**
 * @param judgements of each judged tile, at least one
 * @param truth class index of each
 * @param predicted likewise
 */
export function scoreDomain(
  model: DomainFacts,
  judgements: readonly DomainJudgement[],
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
): DomainScores {
  const { tiles, validationTiles, rejected, precision } = model;
  const outside = { blank: 0, colour: 0, content: 0 };
  const outsidePerClass = Array.from({ length: classes }, () => 0);
  const sides = { inside: { tiles: 0, right: 0 }, outside: { tiles: 0, right: 0 } };
  judgements.forEach(({ inDomain, reason }, i) => {
    const side = inDomain ? sides.inside : sides.outside;
    const label = truth[i] ?? -1;
    side.tiles++;
    if (predicted[i] === label) side.right++;
    if (inDomain) return;
    outsidePerClass[label] = (outsidePerClass[label] ?? 0) + 1;
    if (reason !== undefined) outside[reason]++;
  });
  const share = ({ tiles: all, right }: { tiles: number; right: number }): number | null =>
    all === 0 ? null : right / all;
  const scores = judgements.map(({ score }) => score).sort((a, b) => a - b);
  return {
    fitted: { tiles, validationTiles, rejected, precision },
    tiles: judgements.length,
    ...{ outside, outsidePerClass },
    accuracyInside: share(sides.inside),
    accuracyOutside: share(sides.outside),
    medianScore: scores[Math.floor(scores.length / 2)] ?? NaN,
    largestScore: scores.at(-1) ?? NaN,
  };
}

/** Tiles out of the domain, all reasons together. */
export function outsideOf({ outside }: Pick<DomainScores, 'outside'>): number {
  return DOMAIN_REASONS.reduce((sum, reason) => sum + outside[reason], 0);
}
