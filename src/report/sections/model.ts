/** Which model was evaluated, what it said of itself, and whether these tiles are new to it. */
import type { EvaluationData } from '../data.js';
import { folded, note, pairs, type Section } from '../components.js';
import { formatCount } from '../format.js';
import { html, name, type Html } from '../html.js';

export function modelSection(data: EvaluationData): Section {
  const { model, groups, calibrated, calibration } = data;
  const split = model.training['splitDescription'];
  return {
    id: 'model',
    title: 'Model',
    body: html`${pairs('The model', [
      ['Model', html`<code>${name(model.path)}</code>`],
      ['Trained by', html`lungcls-fast ${name(model.toolVersion)}`],
      ['Its split', split === undefined ? undefined : name(split)],
      ['Probabilities', probabilities(calibrated, calibration?.temperature)],
      [
        'Groups of these tiles',
        groups === undefined
          ? 'Not known: nothing said which tiles come from one original'
          : html`${formatCount(groups.count)}, from <code>${name(groups.from)}</code>`,
      ],
      [
        'Tiles of no known group',
        groups === undefined || groups.unknownTiles === 0
          ? undefined
          : formatCount(groups.unknownTiles),
      ],
    ])}
    ${caveat(model.sameStore)}
    ${folded('How it was trained, and its figures from then', table(data))}`,
  };
}

function probabilities(calibrated: boolean, temperature: number | undefined): string {
  if (calibrated && temperature !== undefined) {
    return `After temperature scaling (${temperature.toFixed(3)}), as predict gives them`;
  }
  return temperature === undefined
    ? 'As the network gives them: the model has no temperature'
    : 'As the network gives them, without its temperature';
}

function caveat(sameStore: boolean | undefined): Html {
  if (sameStore === true) {
    return note(
      'caution',
      html`<p>
        <strong>These scores flatter.</strong> This is the store that the model was trained on: it
        has seen most of these tiles. Its report has the scores of those that it has not seen.
      </p>`,
    );
  }
  return note(
    'note',
    html`<p>
      Whether tiles of these originals or patients were trained on is not looked into here: keep
      them apart when the data are collected.
      ${sameStore === undefined && 'The model does not say on which store it was trained.'}
    </p>`,
  );
}

function table({ model }: EvaluationData): Html {
  const rows = [...Object.entries(model.training), ...Object.entries(model.metrics)];
  return pairs(
    'How it was trained, and its figures from then',
    rows.map(([key, value]) => [key, name(value)] as const),
  );
}
