/** Whether a tile is like those that a model was trained on, and if not, in what. */
import { COLOUR_COUNT, tileColours, type TileColours } from './colour.js';
import { Distances, type Gaussian } from './gaussian.js';

/**
 * What can be unlike: `blank`, hardly anything varies on the tile; `colour`, its colours and how they go together;
 * `content`, what the network sees at mixed7.
 */
export const DOMAIN_REASONS = ['blank', 'colour', 'content'] as const;
export type DomainReason = (typeof DOMAIN_REASONS)[number];

export interface DomainJudgement {
  readonly inDomain: boolean;
  /** 0 and above; above 1 out of the domain. float32. */
  readonly score: number;
  /** Which part gave the score; undefined in the domain. */
  readonly reason: DomainReason | undefined;
}

/** How a domain was fitted, and on what. */
export interface DomainFacts {
  /** Training tiles that the distributions were fitted on. */
  readonly tiles: number;
  /** Validation tiles that the thresholds were set on. */
  readonly validationTiles: number;
  /** Of them so many are out of the domain. */
  readonly rejected: number;
  /** The base's arithmetic in the features that it was fitted on. */
  readonly precision: 'fp32' | 'int8';
}

/** What stands in a bundle. */
export interface DomainModel extends DomainFacts {
  /** Of the mean of mixed7 over its positions. */
  readonly content: Gaussian;
  /** Of COLOUR_STATISTICS. */
  readonly colour: Gaussian;
  /** Distances at which the score is 1. */
  readonly contentLimit: number;
  readonly colourLimit: number;
  /** The least spread of a tile (tileColours) that is not blank. */
  readonly spreadLimit: number;
}

/** A spread below it, in levels, counts as this: of one colour a tile is not infinitely blank. */
const LEAST_SPREAD = 0.1;

/** Judges tiles. */
export class Domain {
  readonly model: DomainModel;
  readonly #content: Distances;
  readonly #colour: Distances;

  constructor(model: DomainModel) {
    this.model = model;
    this.#content = new Distances(model.content);
    this.#colour = new Distances(model.colour);
  }

  /** Numbers of pooled features a tile. */
  get width(): number {
    return this.model.content.width;
  }

  /** What of its pixels is looked at: a tile's buffer may be gone by the time the network has answered. */
  colours(tiles: Uint8Array, size: number, count: number): TileColours[] {
    return Array.from({ length: count }, (_, i) => tileColours(tiles, size, i));
  }

  /**
   * @param pooled (n, width), float32: mixed7's mean over its positions
   * @param index which of them is the tile's
   */
  judge(pooled: Float32Array, index: number, { statistics, spread }: TileColours): DomainJudgement {
    const { contentLimit, colourLimit, spreadLimit } = this.model;
    const parts: Record<DomainReason, number> = {
      blank: spreadLimit / Math.max(spread, LEAST_SPREAD),
      colour: this.#colour.of(statistics) / colourLimit,
      content: this.#content.of(pooled, index) / contentLimit,
    };
    const worst = DOMAIN_REASONS.reduce((a, b) => (parts[b] > parts[a] ? b : a));
    const score = Math.fround(parts[worst]);
    if (score <= 1) return { inDomain: true, score, reason: undefined };
    // A blank tile is of some colour too, and the network sees nothing on it: that it is blank explains both.
    return { inDomain: false, score, reason: parts.blank > 1 ? 'blank' : worst };
  }
}

export { COLOUR_COUNT };
