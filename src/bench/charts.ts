/** Bars as inline SVG, each with its name above it, so that long names fit a phone too. */
import { html, type Html, type Part } from '../report/html.js';

export interface Bar {
  readonly name: string;
  /** As it is shown. */
  readonly text: string;
  /** Where it begins, and how long it is, in the chart's unit; nothing is drawn of what is no number. */
  readonly from?: number;
  readonly length: number;
  /** A line over its end, from `low` to `high`. */
  readonly low?: number;
  readonly high?: number;
  /** Which of the four colours. */
  readonly color: 0 | 1 | 2 | 3;
  /** Drawn hatched: not of the same kind as the others. */
  readonly hollow?: boolean;
}

export interface BarsOptions {
  /** Prefix of the ids in the SVG; unique on its page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly bars: readonly Bar[];
  /** A vertical line with a word about it. */
  readonly mark?: { readonly at: number; readonly label: string };
}

const WIDTH = 560;
const ROW = 46;
const BAR = 14;
const TOP = 4;
const MARK_ROOM = 24;

/** Pixels, to a tenth. */
function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function end({ from = 0, length, high }: Bar): number {
  return Math.max(from + (Number.isFinite(length) ? length : 0), high ?? 0);
}

/** @returns the `<svg>`; its colours are in BARS_CSS */
export function barsSvg({ id, title, description, bars, mark }: BarsOptions): Html {
  const most = Math.max(...bars.map(end), mark?.at ?? 0, Number.MIN_VALUE);
  const toX = (value: number): number => px((value / most) * (WIDTH - 2) + 1);
  const top = TOP + (mark === undefined ? 0 : MARK_ROOM);
  const height = top + ROW * bars.length;
  const rows = bars.map((bar, i): Part => {
    const { name, text, from = 0, length, low, high, color, hollow } = bar;
    const y = top + i * ROW;
    const middle = y + 24 + BAR / 2;
    return html`<text class="name" x="0" y="${y + 16}">${name}</text>
      <text class="value" x="${WIDTH}" y="${y + 16}" text-anchor="end">${text}</text>
      ${
        Number.isFinite(length) &&
        html`<rect
          class="bar bar-${color}${hollow === true && ' hollow'}"
          x="${toX(from)}"
          y="${y + 24}"
          width="${px(Math.max(2, toX(from + length) - toX(from)))}"
          height="${BAR}"
        />`
      }
      ${
        low !== undefined &&
        high !== undefined &&
        html`<path
          class="whisker"
          d="M${toX(low)} ${middle - 5}v10M${toX(low)} ${middle}H${toX(high)}M${toX(high)} ${middle - 5}v10"
        />`
      }`;
  });
  return html`<svg
    class="bars"
    viewBox="0 0 ${WIDTH} ${height}"
    role="img"
    aria-labelledby="${id}-title ${id}-description"
  >
    <title id="${id}-title">${title}</title>
    <desc id="${id}-description">${description}</desc>
    ${rows}
    ${
      mark !== undefined &&
      html`<line
          class="mark"
          x1="${toX(mark.at)}"
          x2="${toX(mark.at)}"
          y1="${top}"
          y2="${height}"
        />
        <text
          class="value"
          x="${toX(mark.at)}"
          y="${TOP + 12}"
          text-anchor="${markAnchor(mark.at / most)}"
        >
          ${mark.label}
        </text>`
    }
  </svg>`;
}

function markAnchor(place: number): string {
  if (place > 0.85) return 'end';
  return place < 0.15 ? 'start' : 'middle';
}

/** Uses the page's colour variables. */
export const BARS_CSS = `
.bars { display: block; width: 100%; height: auto; max-width: 46rem; }
.bars text { font-size: 14px; fill: var(--ink); }
.bars .value { fill: var(--quiet); font-variant-numeric: tabular-nums; }
.bars .whisker { stroke: var(--ink); stroke-width: 1.4; fill: none; }
.bars .mark { stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 2 4; }
.bar-0 { fill: var(--curve-0); } .bar-1 { fill: var(--curve-1); } .bar-2 { fill: var(--curve-2); } .bar-3 { fill: var(--curve-3); }
.bars .hollow { fill: none; stroke-width: 1.6; stroke-dasharray: 4 3; }
.bar-0.hollow { stroke: var(--curve-0); } .bar-1.hollow { stroke: var(--curve-1); } .bar-2.hollow { stroke: var(--curve-2); } .bar-3.hollow { stroke: var(--curve-3); }
.verdict-wrong, .verdict-failed { font-weight: 650; color: var(--caution-edge); }
@media (max-width: 40rem) { .bars text { font-size: 18px; } }
`;
