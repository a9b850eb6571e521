/** Fits a domain to training tiles, and sets its thresholds on validation tiles. */
import type { TileColours } from './colour.js';
import { COLOUR_COUNT } from './colour.js';
import type { DomainModel } from './domain.js';
import { Distances, fitGaussian } from './gaussian.js';

/** Share of the validation tiles that the thresholds leave outside, at most. */
export const REJECTED_SHARE = 0.01;
/** Directions of the pooled features that are kept one by one. */
const CONTENT_COMPONENTS = 128;
/** A direction is worth fitting where so many tiles stand for it. */
const TILES_PER_COMPONENT = 8;
/** With fewer training tiles there is nothing to say. */
export const LEAST_TILES = 50;
/** Of the least spread of a training tile: blank is what is far below all of them. */
const BLANK_SHARE = 0.5;

/** Tiles of one part of a split. */
export interface DomainTiles {
  /** (tiles, width), C order: the mean of mixed7 over its positions. */
  readonly pooled: Float32Array;
  /** Of each. */
  readonly colours: readonly TileColours[];
}

/**
 * Both distributions are normal, with the training tiles' mean and covariance. The two limits leave equally many
 * validation tiles outside, together at most REJECTED_SHARE; with fewer than 100 of them that is none.
 * @returns in words why not, where there are too few tiles
 */
export function fitDomain(
  train: DomainTiles,
  validation: DomainTiles,
  precision: DomainModel['precision'],
): DomainModel | string {
  const tiles = train.colours.length;
  const judged = validation.colours.length;
  if (tiles < LEAST_TILES || judged === 0) {
    return `${tiles} training tiles and ${judged} validation tiles are too few to tell others from them: at least ${LEAST_TILES} and 1 are needed`;
  }
  const width = train.pooled.length / tiles;
  const components = Math.min(CONTENT_COMPONENTS, Math.floor(tiles / TILES_PER_COMPONENT));
  const content = fitGaussian(train.pooled, width, components);
  const colour = fitGaussian(statistics(train.colours), COLOUR_COUNT, COLOUR_COUNT);
  const spreads = train.colours.map(({ spread }) => spread);
  const spreadLimit = Math.max(BLANK_SHARE * Math.min(...spreads), Number.EPSILON);
  const [ofContent, ofColour] = [new Distances(content), new Distances(colour)];
  const rows = statistics(validation.colours);
  const limits = chooseLimits(
    validation.colours.map((_, i) => ofContent.of(validation.pooled, i)),
    validation.colours.map((_, i) => ofColour.of(rows, i)),
    Math.floor(REJECTED_SHARE * judged),
  );
  const { rejected, first: contentLimit, second: colourLimit } = limits;
  return {
    ...{ content, colour, contentLimit, colourLimit, spreadLimit },
    ...{ tiles, validationTiles: judged, rejected, precision },
  };
}

function statistics(colours: readonly TileColours[]): Float64Array {
  const rows = new Float64Array(colours.length * COLOUR_COUNT);
  colours.forEach((tile, i) => {
    rows.set(tile.statistics, i * COLOUR_COUNT);
  });
  return rows;
}

/**
 * The lowest limits of two distances, each exceeded equally often, such that at most `most` tiles exceed one of them.
 * Each limit is the distance of the farthest tile within.
 */
export function chooseLimits(
  first: readonly number[],
  second: readonly number[],
  most: number,
): { first: number; second: number; rejected: number } {
  const falling = [first, second].map((distances) => [...distances].sort((a, b) => b - a));
  const at = (outside: number): { first: number; second: number; rejected: number } => {
    const [a = 0, b = 0] = falling.map((distances) => distances[outside] ?? 0);
    const rejected = first.filter((d, i) => d > a || (second[i] ?? 0) > b).length;
    return { first: a, second: b, rejected };
  };
  let found = at(0);
  for (let outside = 1; outside <= most; outside++) {
    const next = at(outside);
    if (next.rejected > most) break;
    found = next;
  }
  // A distance of 0 all over, as of a single tile, is no limit to divide by.
  return {
    first: Math.max(found.first, Number.EPSILON),
    second: Math.max(found.second, Number.EPSILON),
    rejected: found.rejected,
  };
}
