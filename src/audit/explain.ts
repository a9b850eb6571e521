/** Why two tiles are in one group: a picture of the one laid over the other. */
import sharp, { type OverlayOptions } from 'sharp';
import { pathSegments } from '../dataset/names.js';
import { titlePath } from '../dataset/title.js';
import { LungclsError } from '../errors.js';
import { TileStore } from '../imaging/tile-store.js';
import type { Registration } from '../native/addon.js';
import type { TaskOptions } from '../runtime/progress.js';
import { resolveThreads } from '../runtime/threads.js';
import { writeFileAtomic } from '../storage/atomic.js';
import { readMerges } from './groups-file.js';
import { registerTwo } from './relations.js';
import { checkerboard, correlation, difference, warp } from './warp.js';
import { offCentre, verdictOf, type Verdict } from './verdict.js';

export interface ExplainOptions extends TaskOptions {
  /** A tile store. */
  store: string;
  /** Two tiles: row numbers, paths as index.csv has them, or ends of paths that only one tile has. */
  tiles: readonly [string, string];
  /** The picture to write, PNG. */
  output: string;
  /** The folder that an audit wrote, for the copies between the two; the store itself by default. */
  audit?: string;
  threads?: number;
}

/** How one tile is laid over the next. */
export interface ExplainedStep {
  readonly from: string;
  readonly onto: string;
  readonly verdict: Verdict;
  readonly inliers: number;
  readonly matches: number;
  /** In degrees, counter-clockwise as seen, -180 to 180; after the mirroring, where there is one. */
  readonly rotation: number;
  readonly scale: number;
  readonly mirrored: boolean;
  /** Of the centres, in sides of the tile that shows more. */
  readonly offCentre: number;
  /** Of the grey values of the two where they overlap, -1 to 1; NaN where they do not. */
  readonly correlation: number;
  /** Share of the first tile that the second covers, 0 to 1. */
  readonly covered: number;
}

export interface ExplainResult {
  readonly output: string;
  /** One, or those of the chain of copies by which an audit joined the two. */
  readonly steps: readonly ExplainedStep[];
}

interface Panels {
  readonly step: ExplainedStep;
  /** RGB pixels: the first tile, the second, the second laid over the first, a checkerboard, the difference. */
  readonly pictures: readonly Uint8Array[];
}

/**
 * Lays the second tile over the first and writes the picture. Where nothing carries the one onto the
 * other directly, the copies that joined them in an audit are shown step by step.
 * @throws LungclsError INPUT_NOT_FOUND | INVALID_OPTION for a tile that is not there or not clear,
 *   OUTPUT_UNWRITABLE | DISK_FULL | ADDON_MISSING, and the codes of TileStore.open
 */
export async function explainPair(options: ExplainOptions): Promise<ExplainResult> {
  const store = await TileStore.open(options.store);
  try {
    const [from, onto] = [findTile(store, options.tiles[0]), findTile(store, options.tiles[1])];
    const explain = (a: number, b: number): Promise<Panels> => explainStep(options, store, a, b);
    const direct = await explain(from, onto);
    let panels = [direct];
    if (direct.step.verdict === 'none') {
      const merges = await readMerges(options.audit ?? options.store, store);
      const chain = findChain(store.count, merges, from, onto);
      if (chain.length > 0) panels = [];
      for (const [a, b] of chain) panels.push(await explain(a, b));
    }
    await writeFileAtomic(options.output, await draw(panels, store.spec.size));
    return { output: options.output, steps: panels.map(({ step }) => step) };
  } finally {
    store.close();
  }
}

/** The row that a user means. */
export function findTile(store: Pick<TileStore, 'paths' | 'count'>, name: string): number {
  if (/^\d+$/.test(name) && Number(name) < store.count) return Number(name);
  const exact = store.paths.indexOf(name);
  if (exact >= 0) return exact;
  const rows = [...store.paths.keys()].filter((row) => store.paths[row]?.endsWith(`/${name}`));
  const [row] = rows;
  if (row === undefined) {
    throw new LungclsError('INPUT_NOT_FOUND', `The store has no tile ${name}`, { path: name });
  }
  if (rows.length > 1) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected the name of one tile but ${name} ends the paths of ${String(rows.length)}`,
    );
  }
  return row;
}

/** The shortest way from one row to another along pairs, breadth first; empty where there is none. */
export function findChain(
  rows: number,
  pairs: readonly (readonly [number, number])[],
  from: number,
  onto: number,
): [number, number][] {
  const others = new Map<number, number[]>();
  for (const [a, b] of pairs) {
    others.set(a, [...(others.get(a) ?? []), b]);
    others.set(b, [...(others.get(b) ?? []), a]);
  }
  const cameFrom = new Int32Array(rows).fill(-1);
  cameFrom[from] = from;
  const queue = [from];
  for (const row of queue) {
    for (const next of others.get(row) ?? []) {
      if (cameFrom[next] !== -1) continue;
      cameFrom[next] = row;
      queue.push(next);
    }
  }
  const chain: [number, number][] = [];
  if (cameFrom[onto] === -1) return chain;
  for (let row = onto; row !== from;) {
    const before = cameFrom[row] ?? from;
    chain.unshift([before, row]);
    row = before;
  }
  return chain;
}

async function explainStep(
  options: ExplainOptions,
  store: TileStore,
  from: number,
  onto: number,
): Promise<Panels> {
  const threads = resolveThreads(options.threads);
  const { registration, tiles } = await registerTwo({ ...options, store, threads }, from, onto);
  const { size } = store.spec;
  const [first, second] = [tiles.subarray(0, store.tileBytes), tiles.subarray(store.tileBytes)];
  const warped = warp(second, size, registration);
  return {
    step: {
      from: store.paths[from] ?? '',
      onto: store.paths[onto] ?? '',
      ...figures(registration),
      correlation: correlation(first, warped),
      covered: warped.covered / size ** 2,
    },
    pictures: [
      first,
      second,
      warped.pixels,
      checkerboard(first, warped, size),
      difference(first, warped),
    ],
  };
}

function figures(
  registration: Registration,
): Omit<ExplainedStep, 'from' | 'onto' | 'correlation' | 'covered'> {
  const [re, im] = registration.factor;
  return {
    verdict: verdictOf(registration),
    inliers: registration.inliers,
    matches: registration.matches,
    // y points down: a positive angle turns clockwise.
    rotation: (-Math.atan2(im, re) * 180) / Math.PI,
    scale: Math.hypot(re, im),
    mirrored: registration.mirrored,
    offCentre: offCentre(registration),
  };
}

/** Layout of the picture, in pixels. */
const SHOWN = 256;
const GAP = 16;
const CAPTION = 44;
const TITLES = ['', '', 'second laid over first', 'both, in turns', 'difference, doubled'];

async function draw(panels: readonly Panels[], size: number): Promise<Buffer> {
  const rowHeight = SHOWN + CAPTION;
  const width = GAP + TITLES.length * (SHOWN + GAP);
  const height = GAP + panels.length * rowHeight;
  const overlays: OverlayOptions[] = [];
  const texts: string[] = [];
  for (const [row, { step, pictures }] of panels.entries()) {
    const top = GAP + row * rowHeight;
    for (const [column, pixels] of pictures.entries()) {
      const left = GAP + column * (SHOWN + GAP);
      const input = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
        .resize(SHOWN, SHOWN)
        .png()
        .toBuffer();
      overlays.push({ input, left, top });
      const name = pathSegments(column === 0 ? step.from : step.onto).at(-1) ?? '';
      const title = column < 2 ? name : (TITLES[column] ?? '');
      const text = { x: left, size: 13, maxWidth: SHOWN, fill: '#555555' };
      texts.push(await titlePath(title, { ...text, y: top + SHOWN + 16 }));
    }
    const line = { x: GAP, y: top + SHOWN + 33, size: 13, maxWidth: width - 2 * GAP };
    texts.push(await titlePath(summary(step), { ...line, fill: '#1a1a1a' }));
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}">${texts.join('')}</svg>`;
  overlays.push({ input: Buffer.from(svg), left: 0, top: 0 });
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite(overlays)
    .png()
    .toBuffer();
}

/** One line: what was found and how sure it is. */
export function summary(step: ExplainedStep): string {
  const verdict = {
    original: 'one original',
    overlap: 'overlapping fields',
    none: 'nothing in common found',
  }[step.verdict];
  const turned = `turned by ${step.rotation.toFixed(1)} degrees${step.mirrored ? ', mirrored' : ''}`;
  const fit = Number.isNaN(step.correlation) ? '' : `, correlation ${step.correlation.toFixed(2)}`;
  return (
    `${verdict}: ${String(step.inliers)} of ${String(step.matches)} places agree, ${turned}, ` +
    `scale ${step.scale.toFixed(2)}, off-centre by ${(100 * step.offCentre).toFixed(1)} % of a side${fit}`
  );
}
