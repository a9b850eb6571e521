/** A figure of line charts over one x axis: a legend, the charts, and a slider that reads them out. */
import { readOut, renderCurvesSvg, renderSwatch, type CurvesOptions } from './curves.js';
import { Html, html } from './html.js';

export interface ChartsFigure {
  /** Prefix of the ids in it; unique on its page. */
  readonly id: string;
  /** Names of the curves, the same in every chart. */
  readonly legend: readonly Html[];
  readonly charts: readonly { readonly title: string; readonly curves: CurvesOptions }[];
  /** The place on the x axis that is read out first, as an index. */
  readonly at: number;
  /** What the slider is for: "Show the values of epoch". */
  readonly slider: string;
}

/** The figure; report.ts's script finds it by its class and makes the slider work. */
export function chartsFigure({ id, legend, charts, at, slider }: ChartsFigure): Html {
  const places = charts[0]?.curves.x.length ?? 0;
  return html`<figure class="charts" id="${id}">
    <ul class="legend" aria-label="Legend">
      ${legend.map((label, i) => html`<li>${renderSwatch(i)} ${label}</li>`)}
    </ul>
    <div class="columns">
      ${charts.map(
        ({ title, curves }) =>
          html`<div class="chart">
            <h3>${title}</h3>
            ${new Html(renderCurvesSvg(curves))}
            <output class="readout">${readOut(curves, at)}</output>
          </div>`,
      )}
    </div>
    ${places > 1 && picker(id, slider, places, at)}
  </figure>`;
}

/** Shown by the script alone: without it nothing would follow. */
function picker(id: string, label: string, places: number, at: number): Html {
  return html`<div class="picker" hidden>
    <label for="${id}-picker">${label}</label>
    <input id="${id}-picker" type="range" min="1" max="${places}" step="1" value="${at + 1}" />
  </div>`;
}
