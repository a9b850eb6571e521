/** Every setting of the run, and the network it trained on. */
import type { ReportCommon } from '../data.js';
import { pairs, scrollable, type Section } from '../components.js';
import { html, name, type Html } from '../html.js';

const PIXELS: Readonly<Record<ReportCommon['pixels'], string>> = {
  inception: 'RGB, x / 127.5 − 1: what the weights expect',
  recipe: 'BGR, 0 to 255, as the recipe feeds them',
};

export function settingsSection(data: ReportCommon): Section {
  const { base } = data;
  return {
    id: 'settings',
    title: 'Settings',
    body: html`<div class="columns">
      <div>
        <h3>The run</h3>
        ${scrollable('Settings of the run', settingsTable(data))}
      </div>
      <div>
        <h3>The network</h3>
        ${pairs('The network', [
          ['Frozen base', html`${name(base.name)} (<code>${name(base.id)}</code>)`],
          ['From', name(base.source)],
          ['Licence', name(base.licence)],
          ['Pixels fed to it', PIXELS[data.pixels]],
          ['Trained head', name(data.head)],
        ])}
      </div>
    </div>`,
  };
}

function settingsTable({ settings }: ReportCommon): Html {
  return html`<table class="wide">
    <thead>
      <tr>
        <th scope="col">Setting</th>
        <th scope="col">Value</th>
      </tr>
    </thead>
    <tbody>
      ${Object.entries(settings).map(
        ([key, value]) =>
          html`<tr>
            <th scope="row"><code>${name(key)}</code></th>
            <td>${name(settingText(value))}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function settingText(value: string | number | boolean | null): string {
  if (value === null) return 'none';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}
