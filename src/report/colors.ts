/** The page's colours, light and dark, and the two scales of the confusion matrix. */

/** Linear RGB components 0..255. */
export type Rgb = readonly [number, number, number];

export interface Palette {
  /** The page, and panels on it. */
  readonly paper: Rgb;
  readonly panel: Rgb;
  /** Text, and text of less weight: both at least 4.5 : 1 on paper and panel. */
  readonly ink: Rgb;
  readonly quiet: Rgb;
  readonly line: Rgb;
  readonly accent: Rgb;
  /** Background of the notices. */
  readonly notice: Rgb;
  readonly caution: Rgb;
  readonly cautionEdge: Rgb;
  readonly curves: readonly [Rgb, Rgb, Rgb, Rgb];
  /** Full strength of the matrix's scales: right and wrong answers. */
  readonly right: Rgb;
  readonly wrong: Rgb;
}

export const LIGHT: Palette = {
  paper: [255, 255, 255],
  panel: [246, 248, 250],
  ink: [27, 33, 40],
  quiet: [86, 96, 107],
  line: [216, 222, 228],
  accent: [0, 98, 122],
  notice: [229, 243, 247],
  caution: [255, 246, 224],
  cautionEdge: [178, 112, 0],
  curves: [
    [0, 98, 122],
    [193, 80, 10],
    [106, 61, 154],
    [60, 110, 30],
  ],
  right: [122, 196, 214],
  wrong: [246, 158, 104],
};

export const DARK: Palette = {
  paper: [18, 22, 27],
  panel: [27, 33, 40],
  ink: [229, 233, 238],
  quiet: [160, 171, 183],
  line: [56, 65, 75],
  accent: [110, 197, 219],
  notice: [18, 48, 58],
  caution: [56, 42, 14],
  cautionEdge: [224, 167, 62],
  curves: [
    [110, 197, 219],
    [247, 158, 92],
    [190, 160, 235],
    [150, 205, 110],
  ],
  right: [14, 96, 118],
  wrong: [140, 66, 20],
};

/** Steps of the matrix's colour scales, 0 to HEAT_STEPS. */
export const HEAT_STEPS = 10;

/**
 * The step for a share of a row: the cube root for mistakes, so that one per cent can be told from
 * five, where right answers go in proportion.
 */
export function heatStep(share: number, right: boolean): number {
  if (!(share > 0)) return 0;
  const part = Math.min(1, share);
  return Math.max(1, Math.round((right ? part : Math.cbrt(part)) * HEAT_STEPS));
}

/** `from` at 0, `to` at 1. */
export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const at = (i: 0 | 1 | 2): number => Math.round(from[i] + (to[i] - from[i]) * share);
  return [at(0), at(1), at(2)];
}

export function hex(color: Rgb): string {
  return `#${color.map((component) => component.toString(16).padStart(2, '0')).join('')}`;
}

function variables(palette: Palette): string {
  const names = ['paper', 'panel', 'ink', 'quiet', 'line', 'accent', 'notice', 'caution'] as const;
  const plain = names.map((key) => `--${key}:${hex(palette[key])};`);
  const curves = palette.curves.map((color, i) => `--curve-${i}:${hex(color)};`);
  const heat = Array.from({ length: HEAT_STEPS + 1 }, (_, step) => {
    const share = step / HEAT_STEPS;
    return `--right-${step}:${hex(mix(palette.paper, palette.right, share))};--wrong-${step}:${hex(mix(palette.paper, palette.wrong, share))};`;
  });
  return [...plain, `--caution-edge:${hex(palette.cautionEdge)};`, ...curves, ...heat].join('');
}

/** Dark only on screens that ask for it: print is always light. */
export const COLORS_CSS = `
:root { color-scheme: light; ${variables(LIGHT)} }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; ${variables(DARK)} } }
${Array.from({ length: HEAT_STEPS + 1 }, (_, step) => `.right-${step}{background:var(--right-${step})}.wrong-${step}{background:var(--wrong-${step})}`).join('')}
`;
