/** What the run ran on and how long its steps took. */
import type { ReportCommon, ReportTime } from '../data.js';
import { pairs, scrollable, type Section } from '../components.js';
import { formatBytes, formatCount, formatDuration } from '../format.js';
import { html, name, type Html } from '../html.js';

export function machineSection(data: ReportCommon): Section {
  const { runsOn, times } = data;
  return {
    id: 'machine',
    title: 'Machine and times',
    body: html`<div class="columns">
      <div>
        <h3>What it ran on</h3>
        ${pairs('What it ran on', [
          ['TensorFlow', runsOn.tensorflow === undefined ? undefined : name(runsOn.tensorflow)],
          ['ONNX Runtime', name(runsOn.onnxRuntime)],
          ['Threads', String(runsOn.threads)],
          ['Processor', runsOn.cpu === undefined ? undefined : name(runsOn.cpu)],
          [
            'Memory',
            runsOn.memoryBytes === undefined ? undefined : formatBytes(runsOn.memoryBytes),
          ],
          ['Node', name(runsOn.node)],
          ['System', name(runsOn.platform)],
        ])}
      </div>
      ${
        times.length > 0 &&
        html`<div>
          <h3>Times</h3>
          ${scrollable('Times', timesTable(times))}
        </div>`
      }
    </div>`,
  };
}

function timesTable(times: readonly ReportTime[]): Html {
  const total = times.reduce((sum, { seconds }) => sum + seconds, 0);
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Step</th>
        <th scope="col" class="number">Time</th>
        <th scope="col" class="number">Tiles a second</th>
      </tr>
    </thead>
    <tbody>
      ${times.map(
        ({ step, seconds, tiles }) =>
          html`<tr>
            <th scope="row">${name(step)}</th>
            <td class="number">${formatDuration(seconds)}</td>
            <td class="number">
              ${tiles !== undefined && seconds > 0 && formatCount(tiles / seconds)}
            </td>
          </tr>`,
      )}
      <tr class="total">
        <th scope="row">Together</th>
        <td class="number">${formatDuration(total)}</td>
        <td></td>
      </tr>
    </tbody>
  </table>`;
}
