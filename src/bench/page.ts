/** bench.html: the bench as one page that opens anywhere, without a network. */
import { folded, note, pairs, scrollable, type Section } from '../report/components.js';
import { renderDocument } from '../report/document.js';
import { html, type Html, type Part } from '../report/html.js';
import { SCRIPT } from '../report/script.js';
import { STYLE } from '../report/style.js';
import { BARS_CSS } from './charts.js';
import { batchFigure, floorFigures, floorRows, speedFigure, waterfallFigures } from './figures.js';
import type { BenchResults, TrialResult } from './results.js';
import {
  gpuWords,
  groupTables,
  machineWords,
  methodWords,
  pathsWords,
  rate,
  type GroupTable,
} from './words.js';

/** The whole page as text; every name in it is escaped. */
export function renderBench(results: BenchResults): string {
  const sections = [
    ...results.workloads.map(({ name, what }) => workloadSection(results, name, what)),
    floorSection(results),
    machineSection(results),
  ];
  return renderDocument({
    title: 'Bench',
    toolVersion: results.toolVersion,
    banner: banner(results, sections),
    sections,
    style: STYLE + BARS_CSS,
    script: SCRIPT,
  });
}

function banner(results: BenchResults, sections: readonly Section[]): Html {
  const wrong = results.trials.filter(({ status }) => status === 'wrong' || status === 'failed');
  return html`<header class="banner">
    <p class="eyebrow">lungcls-fast ${results.toolVersion}, bench</p>
    <h1>How fast, beside what</h1>
    <p class="byline">${machineWords(results)}</p>
    ${
      wrong.length > 0 &&
      note(
        'caution',
        html`<p>
          ${wrong.length} of ${results.trials.length} trials have no figure:
          ${wrong.map((trial) => `${trial.workload}, ${trial.name}: ${trial.reason}`).join('; ')}
        </p>`,
      )
    }
    ${headline(results)}
    <p>${methodWords(results)}</p>
    <nav class="contents" aria-label="Contents">
      <ol>
        ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
      </ol>
    </nav>
  </header>`;
}

/** What the page begins with of a workload: one figure of the trial that is best in it. */
interface Headline {
  readonly what: string;
  readonly unit: string;
  readonly of: (trial: TrialResult) => number | undefined;
  readonly best: 'least' | 'most';
  readonly words: (value: number) => string;
}

const SPEED: Headline = {
  ...{ what: 'the fastest', unit: 'tiles/s', best: 'most', words: rate },
  of: ({ tilesPerSecond }) => tilesPerSecond?.median,
};
/** Of workloads that are not about speed. */
const HEADLINES: Readonly<Record<string, Headline>> = {
  latency: {
    ...{ what: 'the shortest', unit: 'ms, p50', best: 'least' },
    of: ({ latencyMs }) => latencyMs?.p50,
    words: (milliseconds) => milliseconds.toFixed(1),
  },
  memory: {
    ...{ what: 'the least', unit: 'MiB at most', best: 'least' },
    of: ({ peakRssBytes }) => peakRssBytes ?? undefined,
    words: (bytes) => (bytes / 2 ** 20).toFixed(0),
  },
};

function headline({ workloads, trials }: BenchResults): Part {
  return html`<dl class="figures">
    ${workloads.map(({ name }): Part => {
      const { what, unit, of, best, words } = HEADLINES[name] ?? SPEED;
      const [first] = trials
        .filter((trial) => trial.workload === name && trial.status === 'ok')
        .map((trial) => ({ trial, value: of(trial) ?? NaN }))
        .filter(({ value }) => Number.isFinite(value))
        .sort((a, b) => (best === 'least' ? a.value - b.value : b.value - a.value));
      if (first === undefined) return undefined;
      return html`<div class="figure">
        <dt>${name}: ${what}</dt>
        <dd class="value">${words(first.value)}</dd>
        <dd class="detail">${unit}, ${first.trial.name}, ${first.trial.group}</dd>
      </div>`;
    })}
  </dl>`;
}

function workloadSection(results: BenchResults, workload: string, what: string): Section {
  const tables = groupTables(results, workload);
  const paths = pathsWords(results, workload);
  const waterfalls = waterfallFigures(results, workload);
  const hasStages = results.trials.some((t) => t.workload === workload && t.stagesMs !== null);
  return {
    id: workload,
    title: workload,
    body: html`<p>${what}</p>
      ${
        paths.length > 0 &&
        html`<ul>
          ${paths.map((text) => html`<li>${text}</li>`)}
        </ul>`
      }
      ${batchFigure(results, workload)} ${tables.map((table) => groupPart(results, table))}
      ${
        hasStages &&
        html`<h3>Where the time of a tile goes</h3>
          <p>
            Each stage alone, one behind the other, in milliseconds a tile; below them what a tile
            takes in the whole.
          </p>
          <div class="columns">${waterfalls}</div>`
      }`,
  };
}

function groupPart(results: BenchResults, table: GroupTable): Html {
  return html`<h3>${table.group}</h3>
    ${speedFigure(results, table)} ${tableOf(table)}`;
}

function tableOf({ workload, group, columns, rows }: GroupTable): Html {
  const last = columns.length - 1;
  const label = `${workload}, ${group}`;
  return scrollable(
    label,
    html`<table class="wide" aria-label="${label}">
      <thead>
        <tr>
          ${columns.map((column, i) =>
            i === 0
              ? html`<th scope="col">Trial</th>`
              : html`<th scope="col" ${i < last && html` class="number"`}>${column}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ trial, cells }) =>
            html`<tr>
              ${cells.map((cell, i) => {
                if (i === 0) return html`<th scope="row">${cell}</th>`;
                return i === last
                  ? html`<td class="verdict-${trial.status}">${cell}</td>`
                  : html`<td class="number">${cell}</td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}

function floorSection(results: BenchResults): Section {
  return {
    id: 'floors',
    title: 'Beside the machine’s limits',
    body: html`<p>
        Measured in the same run, with all threads. Above 100 % of entropy decoding: our decoder
        reads the entropy-coded data faster than libjpeg-turbo, which is what that limit is measured
        with.
      </p>
      ${pairs('Limits of the machine', floorRows(results))} ${floorFigures(results)}`,
  };
}

function machineSection(results: BenchResults): Section {
  const { machine, versions, skipped, trials, noise } = results;
  const devices = [
    ...new Map(
      trials.map(({ name, device, status }) => [
        name,
        status === 'missing' ? 'not installed' : device,
      ]),
    ),
  ];
  return {
    id: 'machine',
    title: 'Machine, versions, what was left out',
    body: html`${pairs('Machine', [
      ['Machine', machineWords(results)],
      ['GPU', gpuWords(machine)],
      [
        'Noise',
        `a fixed piece of work, ${noise.probeMs.length} times: varied by ${(100 * noise.probe).toFixed(1)} %`,
      ],
      ...Object.entries(versions).map(([key, value]): [string, string] => [key, value]),
    ])}
    ${
      skipped.length > 0 &&
      html`<h3>Not measured</h3>
        <ul>
          ${skipped.map(({ what, why }) => html`<li>${what}: ${why}</li>`)}
        </ul>`
    }
    ${folded('What each trial ran on', pairs('What each trial ran on', devices))}`,
  };
}
