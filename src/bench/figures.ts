/** The charts of bench.html: throughput by batch size, stages as a waterfall, shares of the machine's limits. */
import { chartsFigure } from '../report/figure.js';
import { html, type Html, type Part } from '../report/html.js';
import { barsSvg, type Bar } from './charts.js';
import { FLOOR_NAMES, type BenchResults, type TrialKind, type TrialResult } from './results.js';
import { FLOOR_WORDS, quartiles, rate } from './words.js';

const COLORS: Readonly<Record<TrialKind, Bar['color']>> = {
  onnx: 0,
  native: 0,
  tfjs: 1,
  npm: 2,
  peer: 3,
};

function right(results: BenchResults, workload: string): TrialResult[] {
  return results.trials.filter(
    (trial) =>
      trial.workload === workload && trial.status === 'ok' && trial.tilesPerSecond !== null,
  );
}

/** The two paths: one curve for tfjs, one for each precision of ONNX Runtime; the rest is in the table. */
export function batchFigure(results: BenchResults, workload: string): Part {
  const { threads } = results.machine;
  const trials = right(results, workload).filter((trial) => trial.threads === threads);
  const x = [...new Set(trials.map(({ batch }) => batch))].sort((a, b) => a - b);
  if (x.length < 2) return undefined;
  const variants = [...new Set(trials.map(({ variant }) => variant))];
  const tfjs = variants.find((variant) =>
    trials.some((t) => t.variant === variant && t.kind === 'tfjs'),
  );
  const onnx = variants.filter((variant) =>
    trials.some((t) => t.variant === variant && t.kind === 'onnx'),
  );
  const shown = [...onnx.slice(0, 3), ...(tfjs === undefined ? [] : [tfjs])];
  const at = (variant: string, batch: number): TrialResult | undefined =>
    trials.find((trial) => trial.variant === variant && trial.batch === batch);
  const curves = shown.map((variant) => ({
    name: trials.find((trial) => trial.variant === variant)?.name ?? variant,
    values: x.map((batch) => at(variant, batch)?.tilesPerSecond?.median ?? NaN),
  }));
  return chartsFigure({
    id: `${workload}-batches`,
    legend: curves.map(({ name }) => html`${name}`),
    charts: [
      {
        title: 'Tiles a second by batch size',
        curves: {
          id: `${workload}-batches-chart`,
          title: `Throughput of ${workload} by batch size`,
          description: `One curve for each of ${curves.map(({ name }) => name).join('; ')}; ${threads} threads.`,
          xLabel: 'Batch size',
          yLabel: 'Tiles a second',
          xLogarithmic: true,
          ...{ x, curves, include: 0, min: 0 },
          format: rate,
          formatTick: (value) => String(value),
        },
      },
    ],
    at: x.length - 1,
    slider: 'Show a batch size',
  });
}

/** Medians of one group as bars, with quartiles. */
export function speedFigure(
  results: BenchResults,
  { workload, group }: { workload: string; group: string },
): Part {
  const trials = right(results, workload).filter((trial) => trial.group === group);
  if (trials.length < 2) return undefined;
  return figure(
    barsSvg({
      id: `speed-${workload}-${group}`.replaceAll(/\W+/g, '-'),
      title: `Tiles a second: ${workload}, ${group}`,
      description: trials
        .map((t) => `${t.name}: ${rate(t.tilesPerSecond?.median ?? NaN)}`)
        .join('; '),
      bars: trials.map(({ name, kind, tilesPerSecond }) => ({
        name,
        text:
          tilesPerSecond === null
            ? ''
            : `${rate(tilesPerSecond.median)} (${quartiles(tilesPerSecond)})`,
        length: tilesPerSecond?.median ?? NaN,
        low: tilesPerSecond?.q1 ?? NaN,
        high: tilesPerSecond?.q3 ?? NaN,
        color: COLORS[kind],
      })),
    }),
  );
}

/** Of each trial: its stages one behind the other, and below them what a tile takes where they overlap. */
export function waterfallFigures(results: BenchResults, workload: string): Part {
  const trials = right(results, workload).filter(({ stagesMs }) => stagesMs !== null);
  return trials.map((trial, i): Part => {
    const { name, stagesMs, bottleneck, tilesPerSecond, kind } = trial;
    let from = 0;
    const stages = Object.entries(stagesMs ?? {}).map(([stage, length]): Bar => {
      const bar = {
        name: stage === bottleneck ? `${stage} (the bottleneck)` : stage,
        text: `${rate(length)} ms`,
        ...{ from, length, color: COLORS[kind] },
      };
      from += length;
      return bar;
    });
    const whole = 1000 / (tilesPerSecond?.median ?? NaN);
    const text = `${rate(whole)} ms, ${rate(1000 / whole)} tiles/s`;
    const all: Bar = { name: 'together', text, length: whole, color: COLORS[kind], hollow: true };
    return html`<div class="chart">
      <h3>${name}</h3>
      ${barsSvg({
        id: `stages-${workload}-${i}`,
        title: `Where the time of a tile goes: ${workload}, ${name}`,
        description: [...stages, all].map((bar) => `${bar.name}: ${bar.text}`).join('; '),
        bars: [...stages, all],
      })}
    </div>`;
  });
}

/** What was reached of what the machine could do, a chart for each of its limits. */
export function floorFigures(results: BenchResults): Part {
  // Reading from the page cache is nowhere near the limit of anything.
  return FLOOR_NAMES.filter((floor) => floor !== 'fileReadGBs').map((floor): Part => {
    const bars = results.trials.flatMap((trial) =>
      trial.floors
        .filter((share) => share.floor === floor)
        .map(({ stage, share }): Bar => ({
          name: `${placeOf(results, trial)}: ${trial.name}${stage === null ? '' : `, ${stage}`}`,
          text: `${(100 * share).toFixed(0)} %`,
          length: share,
          color: COLORS[trial.kind],
        })),
    );
    if (bars.length === 0) return undefined;
    const { name } = FLOOR_WORDS[floor];
    return html`<h3>Share of: ${name}</h3>
      ${figure(
        barsSvg({
          id: `floor-${floor}`,
          title: `Shares of what the machine can do: ${name}`,
          description: bars.map((bar) => `${bar.name}: ${bar.text}`).join('; '),
          bars,
          mark: { at: 1, label: '100 %' },
        }),
      )}`;
  });
}

/** The workload, and its batch where it ran in several groups that have shares. */
function placeOf({ trials }: BenchResults, { workload, batch }: TrialResult): string {
  const groups = new Set(
    trials.filter((t) => t.workload === workload && t.floors.length > 0).map(({ group }) => group),
  );
  return groups.size > 1 ? `${workload}, batch ${batch}` : workload;
}

/** The limits themselves. */
export function floorRows({ floors }: BenchResults): [string, string][] {
  return Object.entries(FLOOR_WORDS).map(([key, { name, unit }]) => {
    const value = floors[key as keyof typeof floors];
    return [name, value === null ? 'not measured' : `${rate(value)} ${unit}`];
  });
}

function figure(svg: Html): Html {
  return html`<figure class="charts">${svg}</figure>`;
}
