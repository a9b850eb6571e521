/** The page's style sheet. Inline styles are forbidden by the page's policy: classes only. */
import { COLORS_CSS } from './colors.js';
import { CURVES_CSS } from './curves.js';

const TYPE = `
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
}
h1, h2, h3 { line-height: 1.25; margin: 0; overflow-wrap: anywhere; text-wrap: balance; }
h1 { font-size: 2rem; letter-spacing: -0.01em; }
h2 { font-size: 1.35rem; }
h3 { font-size: 1.05rem; }
p { margin: 0 0 0.8rem; max-width: 46rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.875rem; }
code { overflow-wrap: anywhere; }
pre { margin: 0; padding: 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; line-height: 1.45; }
.quiet { color: var(--quiet); }
.whole { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: 0.5rem 1rem; z-index: 1; }
`;

const LAYOUT = `
.page { max-width: 70rem; margin: 0 auto; padding: 0 1.5rem 3rem; }
.banner { padding: 2.25rem 0 1.5rem; }
.eyebrow { margin: 0 0 0.4rem; color: var(--accent); font-weight: 600; font-size: 0.875rem; letter-spacing: 0.02em; }
.byline { color: var(--quiet); margin: 0.5rem 0 0; }
.note { background: var(--notice); border-left: 4px solid var(--accent); border-radius: 0 8px 8px 0; padding: 0.75rem 1rem; margin: 1.1rem 0; max-width: none; }
.note p { max-width: 60rem; }
.note > :last-child { margin-bottom: 0; }
.caution { background: var(--caution); border-left-color: var(--caution-edge); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 0.9rem; margin: 1.4rem 0; }
.figure { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1rem; display: flex; flex-direction: column; }
.figure dt { color: var(--quiet); font-size: 0.875rem; }
.figure dd { margin: 0; }
.figure .value { font-size: 1.7rem; font-weight: 650; line-height: 1.3; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.figure .detail { color: var(--quiet); font-size: 0.875rem; }
.contents ol { display: flex; flex-wrap: wrap; gap: 0.35rem 1.25rem; list-style: none; margin: 0; padding: 0.75rem 0; border-block: 1px solid var(--line); }
main > section { padding-top: 2.2rem; }
main > section > h2 { margin-bottom: 0.7rem; }
h3 { margin: 1.4rem 0 0.5rem; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.875rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem 2rem; align-items: start; }
@media (max-width: 40rem) {
  .page { padding: 0 1rem 2rem; }
  .banner { padding-top: 1.5rem; }
  h1 { font-size: 1.6rem; }
  .figures { grid-template-columns: 1fr 1fr; gap: 0.6rem; }
  .figure:first-child { grid-column: 1 / -1; }
  .figure { padding: 0.7rem 0.8rem; }
  .figure .value { font-size: 1.4rem; }
}
`;

const TABLES = `
.scroll { overflow-x: auto; max-width: 100%; margin: 0 0 1rem; }
table { border-collapse: collapse; }
table.wide { width: 100%; }
th, td { padding: 0.4rem 0.75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; font-size: 0.875rem; vertical-align: bottom; border-bottom-color: var(--quiet); }
tbody th { font-weight: 600; overflow-wrap: break-word; }
.wide tbody th { min-width: 5.5rem; }
th code { font-weight: 400; overflow-wrap: break-word; }
th.number, td.number { text-align: right; }
th:first-child, td:first-child { padding-left: 0; }
tr.total > * { border-top: 1px solid var(--quiet); }
tr.kept > * { background: var(--panel); }
.pairs th { font-weight: 400; color: var(--quiet); white-space: nowrap; padding-right: 1.25rem; }
.pairs td { overflow-wrap: anywhere; }
@media (max-width: 40rem) { .pairs th { white-space: normal; } .wide { font-size: 0.875rem; } .wide thead th { font-size: 0.8125rem; } th, td { padding-inline: 0.35rem; } }
`;

const SAMPLES = `
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 0.9rem; list-style: none; margin: 0; padding: 0; max-width: 54rem; }
.tiles figure { margin: 0; }
.tiles img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: cover; border-radius: 6px; border: 1px solid var(--line); background: var(--panel); }
.tiles figcaption { color: var(--quiet); font-size: 0.8125rem; overflow-wrap: anywhere; margin-top: 0.25rem; line-height: 1.35; }
@media (min-width: 40rem) { .tiles.many { grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); } }
@media (min-width: 60rem) { .tiles:not(.many) { grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); } }
@media (max-width: 40rem) { .tiles { grid-template-columns: repeat(3, 1fr); gap: 0.5rem; } }
`;

const EXAMPLES = `
.cell { scroll-margin-top: 1rem; }
.cell:target > p { background: var(--notice); }
.pairs-of-pictures { display: flex; flex-wrap: wrap; gap: 1rem 1.25rem; list-style: none; margin: 0 0 1.2rem; padding: 0; }
.pairs-of-pictures figure { margin: 0; }
.pairs-of-pictures img { width: 8rem; height: 8rem; border-radius: 6px; border: 1px solid var(--line); background: var(--panel); }
.pairs-of-pictures figcaption { color: var(--quiet); font-size: 0.8125rem; line-height: 1.35; overflow-wrap: anywhere; max-width: 16.5rem; }
.matrix a { color: inherit; }
@media (max-width: 40rem) { .pairs-of-pictures img { width: 42vw; height: 42vw; } }
`;

const CHARTS = `
.charts { margin: 1rem 0 0; }
.chart h3 { margin: 0 0 0.2rem; }
.chart:only-child { max-width: 34rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; list-style: none; margin: 0 0 0.75rem; padding: 0; }
.legend li { display: flex; align-items: center; gap: 0.5rem; }
.swatch { flex: none; }
.readout { display: block; text-align: center; font-variant-numeric: tabular-nums; min-height: 1.6em; }
.picker { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.8rem; margin: 0.75rem 0 1rem; }
.picker[hidden] { display: none; }
.picker input { accent-color: var(--accent); width: min(22rem, 100%); }
`;

const MATRIX = `
.matrix th, .matrix td { border: 1px solid var(--line); padding: 0.5rem 0.75rem; text-align: center; vertical-align: middle; }
.matrix thead th, .matrix tbody th { color: var(--ink); font-size: 0.9375rem; font-weight: 600; }
.matrix .corner { border: 0; }
.matrix tbody th { text-align: right; }
.matrix td { min-width: 6.5rem; font-variant-numeric: tabular-nums; }
.matrix .hit-or-miss strong { display: block; font-size: 1.2rem; line-height: 1.3; font-weight: 650; }
.matrix .hit-or-miss span { font-size: 0.875rem; }
.matrix .right strong::after { content: " \\2713"; font-weight: 400; font-size: 0.9rem; }
.matrix .sum { color: var(--quiet); font-weight: 400; }
@media (max-width: 40rem) { .matrix th, .matrix td { padding: 0.4rem; min-width: 4.2rem; } .matrix .hit-or-miss strong { font-size: 1.05rem; } }
`;

const DETAILS = `
details { margin: 0.5rem 0 1rem; }
summary { cursor: pointer; color: var(--accent); padding: 0.25rem 0; width: fit-content; }
details > :nth-child(2) { margin-top: 0.5rem; }
`;

const PRINT = `
@media print {
  @page { size: A4; margin: 16mm 14mm 18mm; @bottom-left { content: "For research use only"; font: 8pt sans-serif; } @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
  body { font-size: 10pt; }
  .page { max-width: none; padding: 0; }
  .contents, .skip, .picker { display: none; }
  summary { display: block; color: inherit; }
  details::details-content { content-visibility: visible; block-size: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3, main > section > p, .legend, summary { break-after: avoid; }
  figure, .figure, .note, tr, pre, .chart, .matrix { break-inside: avoid; }
  main > section { padding-top: 1.3rem; }
  .columns { grid-template-columns: 1fr 1fr; gap: 1rem; }
  .tiles { grid-template-columns: repeat(5, 1fr); max-width: none; }
  .figures { grid-template-columns: repeat(5, 1fr); gap: 2mm; }
  .figure { padding: 2mm 2.5mm; }
  .figure .value { font-size: 13pt; }
  .figure .detail, .figure dt { font-size: 8pt; }
  h1 { font-size: 19pt; } h2 { font-size: 13.5pt; }
  th, td { padding-block: 0.8mm; }
  #split, #confusion, #machine { break-inside: avoid; }
  .scroll { overflow: visible; }
}
`;

export const STYLE = [
  COLORS_CSS,
  TYPE,
  LAYOUT,
  TABLES,
  SAMPLES,
  EXAMPLES,
  CHARTS,
  CURVES_CSS,
  MATRIX,
  DETAILS,
  PRINT,
].join('');
