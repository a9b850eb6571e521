/**
 * Draws one field of tissue of each class. What makes the classes different is what a pathologist
 * looks at: air spaces between thin walls (normal), glands around a lumen (adenocarcinoma), sheets of
 * polygonal cells with keratin pearls (squamous cell carcinoma).
 */
import {
  blobPath,
  bulgy,
  lymphocyte,
  nucleus,
  paint,
  redCell,
  spindle,
  type Stain,
} from './cells.js';
import type { Dice, Point } from './dice.js';
import { cellPattern, jitteredGrid, layeredNoise, noise, ramp, type Field } from './fields.js';

/** Amounts of stain: a ground of pixels, and cells as SVG elements on top of it. */
export interface Tissue {
  /** size * size * 3 bytes: haematoxylin, eosin, haemoglobin. */
  readonly ground: Uint8Array;
  readonly cells: string;
}

export const PAINTERS: Readonly<Record<string, (size: number, dice: Dice) => Tissue>> = {
  lung_n: alveoli,
  lung_aca: glands,
  lung_scc: squamousNests,
};

function groundFrom(
  size: number,
  stainAt: (index: number, x: number, y: number) => Stain,
): Uint8Array {
  const ground = new Uint8Array(size * size * 3);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const { h = 0, e = 0, b = 0 } = stainAt(i, x, y);
      ground[i * 3] = Math.min(Math.max(h, 0), 1) * 255;
      ground[i * 3 + 1] = Math.min(Math.max(e, 0), 1) * 255;
      ground[i * 3 + 2] = Math.min(Math.max(b, 0), 1) * 255;
    }
  }
  return ground;
}

/** Fibres that run in waves: eosin from about 0.1 to 0.6, and the direction they run in. */
function fibres(size: number, dice: Dice): { eosin: Field; turnAt: (point: Point) => number } {
  const turn = dice.between(0, Math.PI);
  const bend = layeredNoise(size, 180, 2, dice);
  const uneven = layeredNoise(size, 60, 3, dice);
  // Noise drawn out along one axis, looked up along the fibres: strands of all widths.
  const strands = noise(size, 150, dice, 9);
  const fine = noise(size, 90, dice, 4);
  const eosin = new Float32Array(size * size);
  const cos = Math.cos(turn);
  const sin = Math.sin(turn);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const along = x * cos + y * sin + 2 * size;
      const across = -x * sin + y * cos + 70 * bend[i]! + 12 * uneven[i]! + 2 * size;
      const at = (Math.floor(across) % size) * size + (Math.floor(along) % size);
      eosin[i] = 0.33 + 0.13 * strands[at]! + 0.08 * fine[at]! + 0.12 * uneven[i]!;
    }
  }
  return { eosin, turnAt: ({ x, y }) => turn + Math.sin((x + y) / 130) * 0.3 };
}

/** Normal lung: large air spaces, thin walls with flat nuclei and capillaries, a few macrophages. */
function alveoli(size: number, dice: Dice): Tissue {
  const bendX = layeredNoise(size, 170, 3, dice).map((value) => value * 85);
  const bendY = layeredNoise(size, 170, 3, dice).map((value) => value * 85);
  const spacing = dice.between(270, 350);
  const { gap } = cellPattern(size, jitteredGrid(size, spacing, 0.34, dice), spacing, bendX, bendY);
  const thickness = layeredNoise(size, 120, 2, dice);
  const openings = layeredNoise(size, 210, 1, dice);
  const folds = layeredNoise(size, 26, 3, dice);
  const width = dice.between(19, 27);
  const wall = gap.map((distance, i) => {
    // Here and there a wall ends: ducts open into several spaces.
    const there = ramp(openings[i]!, -0.62, -0.45);
    const w = (width + 12 * thickness[i]! + 7 * folds[i]!) * there;
    return there * (1 - ramp(distance, w * 0.8, w * 1.15 + 1));
  });
  const ground = groundFrom(size, (i) => {
    const rim = wall[i]! * (1 - wall[i]!) * 0.35;
    return { h: 0.07 * wall[i]!, e: 0.02 + wall[i]! * (0.42 + 0.2 * folds[i]!) + rim };
  });
  const at = ({ x, y }: Point): number => Math.floor(y) * size + Math.floor(x);
  const inWall = (point: Point): boolean => wall[at(point)]! > 0.95;
  const alongWall = ({ x, y }: Point): number => {
    const step = (dx: number, dy: number): number =>
      gap[at({ x: clampTo(x + dx, size), y: clampTo(y + dy, size) })]!;
    return Math.atan2(step(0, 6) - step(0, -6), step(6, 0) - step(-6, 0)) + Math.PI / 2;
  };
  const cells: string[] = [];
  for (const point of dice.scatter(size, dice.integer(60, 90), 20, inWall)) {
    cells.push(redCell(point, dice));
  }
  for (const point of dice.scatter(size, dice.integer(75, 105), 27, inWall)) {
    const radii = [dice.between(12, 18), dice.between(7, 10)] as const;
    const h = dice.between(0.62, 0.95);
    cells.push(nucleus({ at: point, radii, turn: alongWall(point), h }, dice));
  }
  const inAir = (point: Point): boolean => wall[at(point)]! < 0.01 && gap[at(point)]! > 75;
  for (const point of dice.scatter(size, dice.integer(2, 5), 120, inAir)) {
    const r = dice.between(22, 30);
    const body = blobPath(point, [r, r * 0.92], 0, bulgy(dice, 0.07));
    cells.push(`<path d="${body}" fill="${paint({ h: 0.1, e: 0.33 })}"/>`);
    const core = { x: point.x + dice.between(-6, 6), y: point.y + dice.between(-6, 6) };
    cells.push(nucleus({ at: core, radii: [12, 10], turn: dice.between(0, 3), h: 0.7 }, dice));
  }
  for (const point of dice.scatter(size, dice.integer(4, 16), 16, inAir)) {
    cells.push(redCell(point, dice));
  }
  return { ground, cells: cells.join('') };
}

/** Adenocarcinoma: glands, rings of crowded nuclei around a lumen with mucin, in fibrous stroma. */
function glands(size: number, dice: Dice): Tissue {
  const stroma = fibres(size, dice);
  const ground = groundFrom(size, (i) => ({ h: 0.1, e: stroma.eosin[i]! }));
  const cells: string[] = [];
  for (const point of dice.scatter(size, 60, 34)) {
    cells.push(
      dice.chance(0.6) ? spindle(point, stroma.turnAt(point), dice) : lymphocyte(point, dice),
    );
  }
  for (const center of dice.scatter(size, 9, dice.between(300, 340))) {
    cells.push(gland(center, dice.between(125, 178), dice));
  }
  return { ground, cells: cells.join('') };
}

function gland(center: Point, radius: number, dice: Dice): string {
  const outline = bulgy(dice, 0.2, 3);
  const squeeze = dice.between(0.75, 1);
  const turn = dice.between(0, Math.PI);
  const ring = (share: number): string =>
    blobPath(center, [radius * share, radius * share * squeeze], turn, outline, 40);
  const lumen = dice.between(0.42, 0.55);
  const parts = [
    `<path d="${ring(1.05)}" fill="${paint({ h: 0.05, e: 0.14 })}"/>`,
    `<path d="${ring(1)}" fill="${paint({ h: 0.24, e: 0.46 })}"/>`,
    `<path d="${ring(lumen + 0.14)}" fill="${paint({ h: 0.16, e: 0.36 })}"/>`,
    `<path d="${ring(lumen)}" fill="${paint({ h: 0.02, e: 0.03 })}" stroke="${paint({ h: 0.3, e: 0.5 })}" stroke-width="3"/>`,
    mucin(center, radius * lumen * 0.75 * squeeze, dice),
  ];
  const on = (angle: number, share: number): Point => {
    const r = outline(angle) * radius * share;
    const x = Math.cos(angle) * r;
    const y = Math.sin(angle) * r * squeeze;
    return {
      x: center.x + x * Math.cos(turn) - y * Math.sin(turn),
      y: center.y + x * Math.sin(turn) + y * Math.cos(turn),
    };
  };
  // Two crowded, staggered layers; the long axes point to the lumen.
  for (const [share, gap] of [
    [lumen + 0.26, 27],
    [0.9, 25],
  ] as const) {
    const count = Math.floor((2 * Math.PI * radius * share * squeeze) / gap);
    for (let i = 0; i < count; i++) {
      if (dice.chance(0.07)) continue;
      const angle = ((i + dice.between(-0.3, 0.3)) / count) * 2 * Math.PI;
      const point = on(angle, share + dice.between(-0.06, 0.06));
      const inward = Math.atan2(center.y - point.y, center.x - point.x);
      parts.push(
        nucleus(
          {
            at: point,
            radii: [dice.between(17, 25), dice.between(10.5, 14)],
            turn: inward + dice.between(-0.35, 0.35),
            h: dice.between(0.66, 0.98),
            vesicular: dice.chance(0.35),
          },
          dice,
        ),
      );
    }
  }
  return parts.join('');
}

/** Clouds of mucin, and shed cells, in a lumen. */
function mucin(center: Point, reach: number, dice: Dice): string {
  const within = (): Point => {
    const angle = dice.between(0, 2 * Math.PI);
    const r = reach * Math.sqrt(dice.between(0, 1));
    return { x: center.x + Math.cos(angle) * r, y: center.y + Math.sin(angle) * r };
  };
  const parts: string[] = [];
  for (let i = 0; i < 16; i++) {
    const radii = [dice.between(0.12, 0.4) * reach, dice.between(0.08, 0.2) * reach] as const;
    const path = blobPath(within(), radii, dice.between(0, Math.PI), bulgy(dice, 0.3));
    const fill = paint({ h: dice.between(0.1, 0.24), e: 0.07 });
    parts.push(`<path d="${path}" fill="${fill}" fill-opacity="0.32"/>`);
  }
  if (dice.chance(0.5)) parts.push(lymphocyte(within(), dice));
  return parts.join('');
}

/** Squamous cell carcinoma: sheets of polygonal pink cells with bridges between, keratin pearls. */
function squamousNests(size: number, dice: Dice): Tissue {
  const spacing = dice.between(74, 88);
  const sites = jitteredGrid(size, spacing, 0.24, dice);
  const bendX = noise(size, 40, dice).map((value) => value * 9);
  const bendY = noise(size, 40, dice).map((value) => value * 9);
  const { owner, gap } = cellPattern(size, sites, spacing, bendX, bendY);
  const pinkness = sites.map(() => dice.between(-0.13, 0.13));
  const stroma = fibres(size, dice);
  const nests = layeredNoise(size, 330, 2, dice);
  const isNest = nests.map((value) => ramp(value, -0.4, -0.36));
  const bridges = noise(size, 4.5, dice);
  const pearls = dice
    .scatter(size - 320, dice.integer(1, 3), 330)
    .map(({ x, y }) => ({ x: x + 160, y: y + 160, r: dice.between(80, 125) }));
  const ripple = layeredNoise(size, 46, 2, dice);
  const pearlDepth = (x: number, y: number, i: number): { depth: number; r: number } =>
    pearls.reduce(
      (best, pearl) => {
        const d = Math.hypot(x - pearl.x, (y - pearl.y) * 1.15) + 16 * ripple[i]!;
        return pearl.r - d > best.depth ? { depth: pearl.r - d, r: pearl.r } : best;
      },
      { depth: -Infinity, r: 0 },
    );
  const ground = groundFrom(size, (i, x, y) => {
    const { depth } = pearlDepth(x, y, i);
    const keratin = ramp(depth, -3, 5);
    const layers = Math.sin((depth / 15) * 2 * Math.PI + ripple[i]! * 3);
    // Between cells a pale seam, crossed by fine bridges.
    const seam = (1 - ramp(gap[i]!, 2.5, 7)) * (bridges[i]! > 0.25 ? 0.35 : 1);
    const e = 0.5 + pinkness[owner[i]!]! + 0.06 * ripple[i]! - 0.36 * seam;
    const sheet = isNest[i]!;
    return {
      h: mixed(0.08, 0.12 * (1 - seam), sheet) * (1 - keratin),
      e: mixed(mixed(stroma.eosin[i]!, e, sheet), 0.72 + 0.2 * layers, keratin),
      b: keratin * (0.16 + 0.1 * layers),
    };
  });
  const at = ({ x, y }: Point): number =>
    Math.floor(clampTo(y, size)) * size + Math.floor(clampTo(x, size));
  const cells: string[] = [];
  for (const site of sites) {
    const i = at(site);
    if (pearlDepth(site.x, site.y, i).depth > -22 || isNest[i]! < 0.6) continue;
    const a = dice.between(17, 26);
    const radii = [a, a * dice.between(0.7, 0.92)] as const;
    const spot = { x: site.x + dice.between(-7, 7), y: site.y + dice.between(-7, 7) };
    const h = dice.between(0.55, 0.85);
    const vesicular = dice.chance(0.75);
    cells.push(nucleus({ at: spot, radii, turn: dice.between(0, Math.PI), h, vesicular }, dice));
  }
  const inStroma = (point: Point): boolean =>
    isNest[at(point)]! < 0.2 && pearlDepth(point.x, point.y, at(point)).depth < -15;
  for (const point of dice.scatter(size, 70, 30, inStroma)) {
    cells.push(
      dice.chance(0.5) ? spindle(point, stroma.turnAt(point), dice) : lymphocyte(point, dice),
    );
  }
  for (const pearl of pearls) {
    // Flat nuclei wrap around the whorl; a few stay inside it.
    for (const [share, count] of [
      [1.14, 15],
      [0.6, 4],
    ] as const) {
      for (let i = 0; i < count; i++) {
        const angle = ((i + dice.between(-0.3, 0.3)) / count) * 2 * Math.PI;
        const r = pearl.r * (share + dice.between(-0.05, 0.05));
        const point = {
          x: pearl.x + Math.cos(angle) * r,
          y: pearl.y + (Math.sin(angle) * r) / 1.15,
        };
        cells.push(spindle(point, angle + Math.PI / 2, dice));
      }
    }
  }
  return { ground, cells: cells.join('') };
}

function mixed(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

function clampTo(value: number, size: number): number {
  return Math.min(Math.max(value, 0), size - 1);
}
