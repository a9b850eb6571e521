/** What a registration of two tiles says about where they come from. */
import type { Registration } from '../native/addon.js';

/**
 * `original`: copies of one original, turned, flipped, cropped around its centre or saved anew.
 * `overlap`: parts of one slide that share tissue, but not their centre: neighbouring fields.
 * `none`: nothing in common was found.
 */
export type Verdict = 'original' | 'overlap' | 'none';

/**
 * Fewest places that two tiles must share. Tiles of different tissue reach 6 by chance (about 400
 * transforms of 80 matches are tried); LC25000's groups are the same for anything from 6 to 12.
 */
export const MIN_INLIERS = 10;

/**
 * Farthest that copies may be off-centre, in sides of the tile that shows more. Rotation with its crop
 * and flips keep the centre; what registration adds is below 0.15.
 */
export const MAX_OFF_CENTRE = 0.2;

/** How far the centre of one tile is from the other's, in sides of the tile that shows more. */
export function offCentre({ shift, factor }: Registration): number {
  return Math.hypot(...shift) / Math.max(1, Math.hypot(...factor));
}

export function verdictOf(registration: Registration): Verdict {
  if (registration.inliers < MIN_INLIERS) return 'none';
  return offCentre(registration) <= MAX_OFF_CENTRE ? 'original' : 'overlap';
}
