import test from 'ava';
import { DARK, HEAT_STEPS, LIGHT, heatStep, mix, type Rgb } from '#src/report/colors.js';

/** Relative luminance and contrast ratio of WCAG 2.2, section 1.4.3. */
function luminance(color: Rgb): number {
  const [r = 0, g = 0, b = 0] = color.map((component) => {
    const c = component / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

for (const [theme, palette] of [
  ['light', LIGHT],
  ['dark', DARK],
] as const) {
  test(`text has a contrast of 4.5 on everything it stands on, ${theme}`, (t) => {
    const { paper, panel, notice, caution } = palette;
    for (const ground of [paper, panel, notice, caution]) {
      t.true(contrast(palette.ink, ground) >= 4.5);
      t.true(contrast(palette.accent, ground) >= 4.5);
    }
    for (const ground of [paper, panel]) t.true(contrast(palette.quiet, ground) >= 4.5);
  });

  test(`text in the matrix has a contrast of 4.5 at every step, ${theme}`, (t) => {
    for (const full of [palette.right, palette.wrong]) {
      for (let step = 0; step <= HEAT_STEPS; step++) {
        t.true(contrast(palette.ink, mix(palette.paper, full, step / HEAT_STEPS)) >= 4.5);
      }
    }
  });

  test(`curves have a contrast of 3 on the page, ${theme}`, (t) => {
    for (const curve of palette.curves) t.true(contrast(curve, palette.paper) >= 3);
  });
}

test('only what never happened has no colour', (t) => {
  t.is(heatStep(0, false), 0);
  t.is(heatStep(NaN, true), 0);
  t.is(heatStep(1e-6, false), 1);
  t.is(heatStep(1, true), HEAT_STEPS);
  t.true(heatStep(0.05, false) > heatStep(0.01, false));
});
