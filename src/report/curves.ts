/** Line charts as inline SVG: of any number of epochs, from one upward. */
import { linearScale, niceTicks, thinnedIndices } from './axis.js';
import { Html, html, type Part } from './html.js';

export interface Curve {
  readonly name: string;
  /** One value for each x; a value that is not finite leaves a gap. */
  readonly values: readonly number[];
}

export interface CurvesOptions {
  /** Prefix of the ids in the SVG; unique on its page. */
  readonly id: string;
  /** Read out by screen readers, with `description` after it. */
  readonly title: string;
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Ascending. */
  readonly x: readonly number[];
  /** Up to four; the first is drawn solid with discs, the others dashed with other marks. */
  readonly curves: readonly Curve[];
  /** A value that the y axis shows, whatever the curves do. */
  readonly include?: number;
  /** Limits that the y axis keeps to, whatever ticks would be round. */
  readonly min?: number;
  readonly max?: number;
  /** Places on the x axis by their logarithm: for sizes that double. All of `x` are then above 0. */
  readonly xLogarithmic?: boolean;
  /** Most numbers on the x axis; 10 by default. */
  readonly xTicks?: number;
  /** A vertical line at one x, with a word about it. */
  readonly mark?: { readonly x: number; readonly label: string };
  /** A value as it is read out. */
  readonly format: (value: number) => string;
  /** A value on the axis. */
  readonly formatTick: (value: number) => string;
}

const WIDTH = 560;
const HEIGHT = 350;
const LEFT = 86;
const RIGHT = 18;
const TOP = 30;
const BOTTOM = 56;
/** More points than this are drawn as a line alone. */
const MOST_MARKERS = 40;

/** Pixels, to a tenth: enough, and it keeps the file small. */
function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function yTicks(options: CurvesOptions): number[] {
  const values = options.curves.flatMap((curve) => curve.values).filter(Number.isFinite);
  if (values.length === 0) return [0, 1];
  if (options.include !== undefined) values.push(options.include);
  const low = Math.max(Math.min(...values), options.min ?? -Infinity);
  const high = Math.min(Math.max(...values), options.max ?? Infinity);
  const ticks = niceTicks(low, high);
  return ticks.filter((t) => t >= (options.min ?? -Infinity) && t <= (options.max ?? Infinity));
}

function marker(kind: number, x: number, y: number, index: number): Html {
  const [cx, cy] = [px(x), px(y)];
  const attributes = html`class="marker" data-index="${index}"`;
  switch (kind) {
    case 0:
      return html`<circle ${attributes} cx="${cx}" cy="${cy}" r="4.2" />`;
    case 1:
      return html`<rect ${attributes} x="${px(x - 4)}" y="${px(y - 4)}" width="8" height="8" />`;
    case 2:
      return html`<path ${attributes} d="M${cx} ${px(y - 5)}l5 9h-10z" />`;
    default:
      return html`<path ${attributes} d="M${cx} ${px(y - 5)}l5 5l-5 5l-5 -5z" />`;
  }
}

/** The line through the finite values, broken where one is missing. */
function linePath(points: readonly (readonly [number, number])[]): string {
  let pen = 'M';
  let path = '';
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) {
      pen = 'M';
      continue;
    }
    path += `${pen}${px(x)} ${px(y)}`;
    pen = 'L';
  }
  return path;
}

function drawCurve(curve: Curve, kind: number, points: readonly [number, number][]): Html {
  const markers: Part[] =
    points.length > MOST_MARKERS
      ? []
      : points.map(([x, y], i) => Number.isFinite(y) && marker(kind, x, y, i));
  return html`<g class="curve curve-${kind}" aria-hidden="true">
    <path class="line" d="${linePath(points)}" />${markers}
  </g>`;
}

/** "Epoch 3: training 99.1%, validation 97.6%". */
export function readOut(options: CurvesOptions, index: number): string {
  const values = options.curves
    .map((curve) => `${curve.name} ${options.format(curve.values[index] ?? NaN)}`)
    .join(', ');
  return `${options.xLabel} ${String(options.x[index] ?? '')}: ${values}`;
}

/** A legend entry's picture: the line and the mark of curve number `kind`. */
export function renderSwatch(kind: number): Html {
  return html`<svg class="swatch" viewBox="0 0 36 14" width="36" height="14" aria-hidden="true">
    <g class="curve curve-${kind}">
      <path class="line" d="M1 7H35" />
      ${marker(kind, 18, 7, 0)}
    </g>
  </svg>`;
}

/**
 * A line chart of `options.curves` over `options.x` with axes, grid and one invisible column for
 * each x, whose `<title>` tells the values there (`rect.hit[data-index]`, and `line.cursor` for a
 * script that wants to follow the pointer). Colours come from `CURVES_CSS`.
 *
 * @returns the `<svg>` element.
 */
export function renderCurvesSvg(options: CurvesOptions): string {
  const ticks = yTicks(options);
  const xs = options.x;
  const first = xs[0] ?? 0;
  const last = xs[xs.length - 1] ?? first;
  const place = options.xLogarithmic === true ? Math.log : (x: number): number => x;
  const onAxis = linearScale([place(first), place(last)], [LEFT + 14, WIDTH - RIGHT - 14]);
  const toX = (x: number): number => onAxis(place(x));
  const toY = linearScale([ticks[0] ?? 0, ticks[ticks.length - 1] ?? 1], [HEIGHT - BOTTOM, TOP]);

  const grid = ticks.map((tick) => {
    const y = px(toY(tick));
    return html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" />
      <text class="tick" x="${LEFT - 8}" y="${y}" dy="0.32em" text-anchor="end">
        ${options.formatTick(tick)}
      </text>`;
  });
  const xTicks = thinnedIndices(xs.length, options.xTicks ?? 10).map((i) => {
    const value = xs[i] ?? 0;
    return html`<text
      class="tick"
      x="${px(toX(value))}"
      y="${HEIGHT - BOTTOM + 20}"
      text-anchor="middle"
    >
      ${value}
    </text>`;
  });
  const curves = options.curves.map((curve, kind) =>
    drawCurve(
      curve,
      kind,
      xs.map((x, i): [number, number] => [toX(x), toY(curve.values[i] ?? NaN)]),
    ),
  );
  const mark =
    options.mark !== undefined &&
    html`<line
        class="mark"
        x1="${px(toX(options.mark.x))}"
        x2="${px(toX(options.mark.x))}"
        y1="${TOP}"
        y2="${HEIGHT - BOTTOM}"
      />${markLabel(options.mark.label, toX(options.mark.x))}`;
  const hits = xs.map((x, i) => {
    // Up to halfway to the neighbours.
    const halfway = (other: number | undefined, end: number): number =>
      other === undefined ? end : (toX(x) + toX(other)) / 2;
    const left = halfway(xs[i - 1], LEFT);
    const right = halfway(xs[i + 1], WIDTH - RIGHT);
    return html`<rect
      class="hit"
      data-index="${i}"
      data-x="${px(toX(x))}"
      x="${px(left)}"
      y="${TOP}"
      width="${px(right - left)}"
      height="${HEIGHT - TOP - BOTTOM}"
    >
      <title>${readOut(options, i)}</title>
    </rect>`;
  });
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  return html`<svg
    class="curves"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-labelledby="${options.id}-title ${options.id}-description"
  >
    <title id="${options.id}-title">${options.title}</title>
    <desc id="${options.id}-description">${options.description}</desc>
    ${grid}
    <line
      class="axis"
      x1="${LEFT}"
      x2="${WIDTH - RIGHT}"
      y1="${HEIGHT - BOTTOM}"
      y2="${HEIGHT - BOTTOM}"
    />
    ${xTicks}
    <text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">
      ${options.xLabel}
    </text>
    <text class="label" transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">
      ${options.yLabel}
    </text>
    ${mark} ${curves}
    <line class="cursor" y1="${TOP}" y2="${HEIGHT - BOTTOM}" visibility="hidden" />
    ${hits}
  </svg>`.text;
}

/** The mark's words above the plot, kept inside it at both ends. */
function markLabel(label: string, x: number): Html {
  const left = LEFT;
  const right = WIDTH - RIGHT;
  const anchor = x < left + 60 ? 'start' : x > right - 60 ? 'end' : 'middle';
  const at = anchor === 'start' ? left : anchor === 'end' ? right : px(x);
  return html`<text class="mark-label" x="${at}" y="${TOP - 11}" text-anchor="${anchor}">
    ${label}
  </text>`;
}

/** Styles of `renderCurvesSvg` and `renderSwatch`; uses the page's colour variables. */
export const CURVES_CSS = `
.curves { display: block; width: 100%; height: auto; }
.curves text { font-size: 14px; fill: var(--quiet); }
.curves .label { fill: var(--ink); }
.curves .mark-label { fill: var(--ink); font-weight: 600; }
.curves .grid { stroke: var(--line); stroke-width: 1; }
.curves .axis { stroke: var(--quiet); stroke-width: 1.2; }
.curves .mark { stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 2 4; }
.curves .cursor { stroke: var(--ink); stroke-width: 1.2; pointer-events: none; }
.curves .hit { fill: transparent; }
.curve .line { fill: none; stroke-width: 2.4; stroke-linejoin: round; stroke-linecap: round; }
.curve .marker { stroke: var(--paper); stroke-width: 1.2; }
.curve .marker.at { stroke: var(--ink); stroke-width: 2; }
.curve { pointer-events: none; }
.curve-0 .line { stroke: var(--curve-0); } .curve-0 .marker { fill: var(--curve-0); }
.curve-1 .line { stroke: var(--curve-1); stroke-dasharray: 7 5; } .curve-1 .marker { fill: var(--curve-1); }
.curve-2 .line { stroke: var(--curve-2); stroke-dasharray: 2 5; } .curve-2 .marker { fill: var(--curve-2); }
.curve-3 .line { stroke: var(--curve-3); stroke-dasharray: 9 4 2 4; } .curve-3 .marker { fill: var(--curve-3); }
@media (max-width: 40rem) { .curves text { font-size: 19px; } }
`;
