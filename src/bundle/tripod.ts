/**
 * The items of TRIPOD+AI that a training can fill by itself. TRIPOD+AI is the checklist for reports of
 * clinical prediction models: Collins et al., BMJ 2024;385:e078378, table 2. The topics are its, the
 * answers ours.
 */
import type { ModelDescription } from './metadata.js';
import type { StudyFacts } from './study.js';

interface Item {
  readonly number: string;
  readonly topic: string;
  readonly answer: string;
}

/** Items that only the people behind a study can answer. */
const LEFT: readonly (readonly [string, string])[] = [
  [
    '1-4',
    'title, abstract, healthcare context, target population, health inequalities, objectives',
  ],
  [
    '5a, 5b, 6a-6c',
    'sources, representativeness and dates of the data, setting, eligibility, treatments',
  ],
  ['8a-8c', 'how, by whom and how blinded the classes of the tiles were assigned'],
  ['10', 'why the number of tiles and of patients is enough'],
  ['14', 'fairness'],
  ['16, 20c', 'differences between these data and those of an evaluation'],
  ['17', 'ethical approval'],
  ['18a-18e', 'funding, conflicts of interest, protocol, registration, availability of the data'],
  ['19', 'patient and public involvement'],
  ['20b', 'characteristics of the patients'],
  ['23b, 25, 27c', 'heterogeneity between centres, interpretation, next steps'],
];

/** Markdown: a table of what is answered, and a list of what is not. */
export function tripodSection(model: ModelDescription, study: StudyFacts | undefined): string {
  const rows = items(model, study).map(
    ({ number, topic, answer }) => `| ${number} | ${topic} | ${answer} |`,
  );
  return `Items of the [TRIPOD+AI checklist](https://doi.org/10.1136/bmj-2023-078378) (Collins et al., BMJ 2024;385:e078378) that the
training itself can fill:

${['| item | topic | here |', '|---|---|---|', ...rows].join('\n')}

Left to those who report a study with this model:

${LEFT.map(([number, what]) => `- ${number}: ${what}`).join('\n')}
`;
}

function items(model: ModelDescription, study: StudyFacts | undefined): Item[] {
  const { size, resize } = model.preprocessing;
  const classWeights = model.training['classWeights'];
  const balanced = typeof classWeights === 'string' ? classWeights : 'see the settings';
  const item = (number: string, topic: string, answer: string): Item => ({ number, topic, answer });
  const always = [
    item(
      '7',
      'data preparation',
      `Every tile decoded and resized to ${String(size)} x ${String(size)} pixels (${resize}), the same for all; fingerprint above`,
    ),
    item(
      '9a, 9b',
      'predictors',
      'The pixels of one tile, all of them; none selected, no clinical data',
    ),
    item('9c', 'assessors of predictors', 'None: nothing in a tile is judged by a person'),
    item('12b', 'handling of predictors', 'Scaling inside the model, see What it is'),
    item(
      '12c',
      'type of model',
      'Frozen InceptionV3 up to mixed7 and a trained head; all settings below; nothing tuned beyond stopping and learning rate, which follow the validation part',
    ),
    item('13', 'class imbalance', `Class weights: ${balanced}`),
    item(
      '15',
      'model output',
      'One probability a class; the label is the largest, without a threshold unless `predict --threshold` is given',
    ),
    item(
      '18f, 22',
      'code, full model',
      'lungcls-fast; this folder is the whole model (ONNX, TensorFlow.js), its hashes in lungcls.json',
    ),
    item('26', 'limitations', 'See Limits'),
    item(
      '27a',
      'poor or missing input',
      'An image that cannot be decoded has a status and no label; images of other tissue or stain get a label all the same',
    ),
    item(
      '27b',
      'interaction and expertise',
      'None needed to run it; to choose tiles and to judge results, a pathologist',
    ),
  ];
  if (study === undefined) return always;
  const leak =
    study.leaked === undefined
      ? 'whether copies of validation tiles were trained on is not known'
      : `${String(study.leaked)} validation tiles have a sibling in training`;
  const more = [
    item(
      '11',
      'missing data',
      `${String(study.failed)} files gave no tile and were left out, each with its reason in index.csv of the store`,
    ),
    item(
      '12a',
      'use of the data',
      `${String(study.train)} tiles train, ${String(study.validation)} validate; ${leak}. See Data and split`,
    ),
    item(
      '12d',
      'clusters',
      study.groups === undefined
        ? 'Groups of tiles are not known; centres and patients are not modelled'
        : `${String(study.groups)} groups of tiles from one original; intervals are drawn over ${study.resampled}`,
    ),
    item(
      '12e',
      'performance measures',
      'Accuracy, balanced accuracy, precision, recall, F1, ROC and precision-recall areas, log loss, Brier score, calibration error; curves in the report of the run',
    ),
    ...(model.calibration === undefined
      ? []
      : [item('12f, 24', 'model updating', 'Temperature scaling, see Calibration')]),
    item(
      '12g',
      'how predictions are made',
      'The head on stored features; the exported files give the same, see Files',
    ),
    item('20a, 21', 'numbers of tiles', 'See Data and split; of patients nothing is known'),
    item('23a', 'performance', 'See Performance: 95% intervals by bootstrap'),
  ];
  return [...always, ...more].sort((a, b) => placeOf(a) - placeOf(b));
}

/** By number, then by letter: 12c before 13. */
function placeOf({ number }: Item): number {
  const letter = /[a-z]/.exec(number)?.[0] ?? '';
  return 32 * Number.parseInt(number, 10) + (letter === '' ? 0 : letter.charCodeAt(0) - 96);
}
