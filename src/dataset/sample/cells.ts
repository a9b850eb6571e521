/**
 * Cells as SVG. Colours are not colours but amounts of stain: red is haematoxylin (nuclei), green
 * eosin (cytoplasm, fibres), blue the colour of red blood cells; see stain.ts.
 */
import type { Dice, Point } from './dice.js';

export interface Stain {
  /** Haematoxylin, 0 to 1. */
  readonly h?: number;
  /** Eosin, 0 to 1. */
  readonly e?: number;
  /** Haemoglobin, 0 to 1. */
  readonly b?: number;
}

export function paint({ h = 0, e = 0, b = 0 }: Stain): string {
  const byte = (value: number): string => String(Math.round(Math.min(Math.max(value, 0), 1) * 255));
  return `rgb(${byte(h)},${byte(e)},${byte(b)})`;
}

/** Radius as a function of the angle: a circle of radius 1 with a few bulges. */
export type Outline = (angle: number) => number;

export function bulgy(dice: Dice, strength: number, waves = 4): Outline {
  const terms = Array.from({ length: waves }, (_, i) => ({
    count: i + 2,
    size: (dice.between(0.3, 1) * strength) / (i + 1),
    phase: dice.between(0, 2 * Math.PI),
  }));
  return (angle) =>
    terms.reduce((sum, { count, size, phase }) => sum + size * Math.cos(count * angle + phase), 1);
}

/** A smooth closed path around `center`, an ellipse of the two radii turned by `turn`, bulging. */
export function blobPath(
  center: Point,
  radii: readonly [number, number],
  turn: number,
  outline: Outline,
  corners = 16,
): string {
  const points = Array.from({ length: corners }, (_, i) => {
    const angle = (i / corners) * 2 * Math.PI;
    const r = outline(angle);
    const x = Math.cos(angle) * radii[0] * r;
    const y = Math.sin(angle) * radii[1] * r;
    return {
      x: center.x + x * Math.cos(turn) - y * Math.sin(turn),
      y: center.y + x * Math.sin(turn) + y * Math.cos(turn),
    };
  });
  const middle = (i: number): string => {
    const a = points[i % corners]!;
    const b = points[(i + 1) % corners]!;
    return `${((a.x + b.x) / 2).toFixed(1)} ${((a.y + b.y) / 2).toFixed(1)}`;
  };
  const curves = points.map((_, i) => {
    const corner = points[(i + 1) % corners]!;
    return `Q${corner.x.toFixed(1)} ${corner.y.toFixed(1)} ${middle(i + 1)}`;
  });
  return `M${middle(0)}${curves.join('')}Z`;
}

export interface NucleusShape {
  readonly at: Point;
  /** Half axes in pixels. */
  readonly radii: readonly [number, number];
  readonly turn: number;
  /** Haematoxylin of its body. */
  readonly h: number;
  /** Pale inside with a marked rim and a nucleolus, as large tumour nuclei are. */
  readonly vesicular?: boolean;
}

/** A nucleus with its rim, chromatin clumps and, if vesicular, a nucleolus. */
export function nucleus(shape: NucleusShape, dice: Dice): string {
  const { at, radii, turn, h } = shape;
  const vesicular = shape.vesicular ?? false;
  const path = blobPath(at, radii, turn, bulgy(dice, 0.07), 14);
  const body = paint({ h: vesicular ? h * 0.72 : h, e: 0.3 });
  const rim = paint({ h: h * 1.12, e: 0.3 });
  const parts = [
    `<path d="${path}" fill="${body}" stroke="${rim}" stroke-width="${vesicular ? '2.6' : '1.6'}"/>`,
  ];
  const clumps = dice.integer(4, 7);
  for (let i = 0; i < clumps; i++) {
    const angle = dice.between(0, 2 * Math.PI);
    const out = dice.between(0.1, 0.72);
    const x = Math.cos(angle) * radii[0] * out;
    const y = Math.sin(angle) * radii[1] * out;
    const spot = {
      x: at.x + x * Math.cos(turn) - y * Math.sin(turn),
      y: at.y + x * Math.sin(turn) + y * Math.cos(turn),
    };
    const isNucleolus = vesicular && i === 0;
    const r = isNucleolus ? dice.between(3.4, 4.8) : dice.between(1.8, 3.6);
    const tone = paint({ h: h * (isNucleolus ? 1.25 : dice.chance(0.3) ? 0.6 : 1.12), e: 0.3 });
    parts.push(
      `<circle cx="${spot.x.toFixed(1)}" cy="${spot.y.toFixed(1)}" r="${r.toFixed(1)}" fill="${tone}" fill-opacity="0.7"/>`,
    );
  }
  return parts.join('');
}

/** A red blood cell. */
export function redCell(at: Point, dice: Dice): string {
  const r = dice.between(8, 11);
  const radii = [r, r * dice.between(0.65, 1)] as const;
  const path = blobPath(at, radii, dice.between(0, Math.PI), bulgy(dice, 0.08), 10);
  const b = dice.between(0.6, 0.95);
  return `<path d="${path}" fill="${paint({ e: 0.2, b })}" stroke="${paint({ e: 0.35, b })}" stroke-width="1"/>`;
}

/** A small round cell with next to no cytoplasm. */
export function lymphocyte(at: Point, dice: Dice): string {
  const r = dice.between(9, 12);
  return nucleus(
    { at, radii: [r, r * dice.between(0.85, 1)], turn: 0, h: dice.between(0.85, 1) },
    dice,
  );
}

/** The long dark nucleus of a fibre cell. */
export function spindle(at: Point, turn: number, dice: Dice): string {
  const radii = [dice.between(17, 27), dice.between(4.5, 7)] as const;
  return nucleus(
    { at, radii, turn: turn + dice.between(-0.25, 0.25), h: dice.between(0.65, 0.9) },
    dice,
  );
}
