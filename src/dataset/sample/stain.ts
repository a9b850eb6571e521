/** From amounts of stain to colours, as light passing through a stained section gives them. */
import type { Dice } from './dice.js';
import { layeredNoise, noise } from './fields.js';

/**
 * Optical density of one unit of each stain in red, green and blue light (Beer and Lambert: the
 * light that comes through falls exponentially with the amount). Haematoxylin and eosin as measured
 * by Ruifrok and Johnston (2001), scaled and pulled together until the colours are those of a
 * scanned section.
 */
const HAEMATOXYLIN = [1.45, 1.75, 0.72] as const;
const EOSIN = [0.3, 0.95, 0.36] as const;
const HAEMOGLOBIN = [0.1, 1.75, 1.15] as const;

/** Turns an RGB image of stain amounts (see cells.ts) into colours, in place, with a fine grain. */
export function develop(pixels: Uint8Array, size: number, dice: Dice): void {
  // Sections differ: staining times, thickness, the lamp.
  const strength = dice.between(0.85, 1.12);
  const h = dice.between(0.88, 1.1) * strength;
  const e = dice.between(0.85, 1.15) * strength;
  const lamp = [dice.between(243, 252), dice.between(236, 246), dice.between(243, 252)] as const;
  const clumps = layeredNoise(size, 7, 2, dice);
  const grain = noise(size, 2.2, dice);
  for (let i = 0, at = 0; i < clumps.length; i++, at += 3) {
    const rough = 1 + 0.2 * clumps[i]! + 0.1 * grain[i]!;
    const nuclear = (pixels[at]! / 255) * h * rough;
    const eosin = (pixels[at + 1]! / 255) * e * (1 + 0.16 * clumps[i]! + 0.08 * grain[i]!);
    const blood = (pixels[at + 2]! / 255) * strength;
    for (let c = 0; c < 3; c++) {
      const density = nuclear * HAEMATOXYLIN[c]! + eosin * EOSIN[c]! + blood * HAEMOGLOBIN[c]!;
      pixels[at + c] = Math.round(lamp[c]! * Math.exp(-density) + grain[i]! * 3.5);
    }
  }
}
