/** The picture of one explained tile: the tile, what spoke for a class laid over it, and the scale. */
import sharp, { type OverlayOptions } from 'sharp';
import { RESEARCH_NOTICE } from '../config.js';
import { pathSegments } from '../dataset/names.js';
import { titlePath, type TitleOptions } from '../dataset/title.js';
import { formatPercent } from '../report/format.js';
import { heatColor, layHeatOver } from '../report/heat-picture.js';

export interface HeatSheet {
  /** As users see it; its last part is shown. */
  readonly path: string;
  /** (size, size, 3) uint8 RGB. */
  readonly tile: Uint8Array;
  readonly size: number;
  /** (side, side), 0 to 1. */
  readonly map: Float32Array;
  readonly classes: readonly string[];
  /** One a class, as they are to be printed. */
  readonly probabilities: Float32Array;
  /** The most probable class, and the one that the map is of. */
  readonly label: number;
  readonly explained: number;
  /** What the probabilities are, in words. */
  readonly scale: string;
}

/** Layout, in pixels. */
const SHOWN = 384;
const GAP = 20;
const HEADING = 74;
const BAR = 20;
const BAR_LABELS = 74;
const FOOT = 104;
const WIDTH = GAP + SHOWN + GAP + SHOWN + GAP + BAR + BAR_LABELS;
const HEIGHT = HEADING + SHOWN + FOOT;
/** Classes whose probabilities are printed; the most probable ones of many. */
const MOST_CLASSES = 4;
const INK = '#1a1a1a';
const QUIET = '#555555';

/** @returns a PNG file, 922 x 562 pixels */
export async function drawHeatSheet(sheet: HeatSheet): Promise<Buffer> {
  const { tile, size, map } = sheet;
  const left = GAP + SHOWN + GAP;
  const overlays: OverlayOptions[] = [
    { input: await enlarged(tile, size), left: GAP, top: HEADING },
    { input: await enlarged(await layHeatOver(tile, size, map), size), left, top: HEADING },
    { input: Buffer.from(svg(`${scaleBar()}${await words(sheet)}`)), left: 0, top: 0 },
  ];
  return sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: '#ffffff' } })
    .composite(overlays)
    .png()
    .toBuffer();
}

function enlarged(pixels: Uint8Array, size: number): Promise<Buffer> {
  return sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .resize(SHOWN, SHOWN, { kernel: 'cubic' })
    .png()
    .toBuffer();
}

const BAR_LEFT = GAP + SHOWN + GAP + SHOWN + GAP;

/** The colours from nothing (below) to most (above); their opacity rises with them. */
function scaleBar(): string {
  const color = (share: number): string =>
    `rgb(${heatColor(share)
      .map((x) => String(Math.round(x)))
      .join()})`;
  return (
    `<defs><linearGradient id="heat" x1="0" y1="1" x2="0" y2="0">` +
    `<stop offset="0" stop-color="${color(0)}"/><stop offset="1" stop-color="${color(1)}"/></linearGradient></defs>` +
    `<rect x="${String(BAR_LEFT)}" y="${String(HEADING)}" width="${String(BAR)}" height="${String(SHOWN)}" fill="url(#heat)"/>`
  );
}

async function words(sheet: HeatSheet): Promise<string> {
  const { classes, label, explained, map, path, scale } = sheet;
  const name = (c: number): string => classes[c] ?? '';
  const file = pathSegments(path).at(-1) ?? path;
  const empty = map.every((value) => value === 0);
  const right = GAP + SHOWN + GAP;
  const foot = HEADING + SHOWN;
  const aside = { x: BAR_LEFT + BAR + 8, size: 13, maxWidth: BAR_LABELS - 12, fill: QUIET };
  const lines: (readonly [string, TitleOptions])[] = [
    [
      `${name(label)}, ${formatPercent(sheet.probabilities[label] ?? NaN)}`,
      line(GAP, 30, 22, INK, WIDTH - 2 * GAP),
    ],
    [file, line(GAP, HEADING - 14, 14, QUIET, SHOWN)],
    [
      `What spoke for ${name(explained)} (${formatPercent(sheet.probabilities[explained] ?? NaN)})`,
      line(right, HEADING - 14, 14, INK, SHOWN),
    ],
    ['most', { ...aside, y: HEADING + 11 }],
    ['nothing', { ...aside, y: HEADING + SHOWN }],
    [ranking(sheet), line(GAP, foot + 26, 14, INK, WIDTH - 2 * GAP)],
    [scale, line(GAP, foot + 46, 12, QUIET, WIDTH - 2 * GAP)],
    [
      empty
        ? `Nothing speaks for ${name(explained)}: no place has a positive weight.`
        : 'Grad-CAM at mixed7, computed from this head: where the network looked, not why. The scale is this tile’s own.',
      line(GAP, foot + 66, 12, QUIET, WIDTH - 2 * GAP),
    ],
    [RESEARCH_NOTICE, line(GAP, foot + 86, 12, QUIET, WIDTH - 2 * GAP)],
  ];
  return (await Promise.all(lines.map(([text, place]) => titlePath(text, place)))).join('');
}

function line(x: number, y: number, size: number, fill: string, maxWidth: number): TitleOptions {
  return { x, y, size, fill, maxWidth };
}

/** `lung_aca 97.3%, lung_scc 2.1%, lung_n 0.6%` */
function ranking({ classes, probabilities }: HeatSheet): string {
  const order = [...probabilities.keys()].sort(
    (a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b,
  );
  const shown = order.slice(0, MOST_CLASSES);
  const rest = order.length - shown.length;
  return (
    shown.map((c) => `${classes[c] ?? ''} ${formatPercent(probabilities[c] ?? NaN)}`).join(',  ') +
    (rest > 0 ? `,  ${String(rest)} more below` : '')
  );
}

function svg(content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(HEIGHT)}">${content}</svg>`;
}
