/** MODEL_CARD.md: what a model is, made of and good for, for whoever finds it alone. */
import type { DomainFacts } from '../domain/domain.js';
import type { Json } from '../storage/hash.js';
import type { JsonRecord, ModelDescription, QuantizationFacts } from './metadata.js';
import type { Figure, StudyFacts } from './study.js';
import { tripodSection } from './tripod.js';

export interface CardFacts {
  /** Largest difference of a probability between the tfjs and the ONNX model, float32. */
  readonly maxDifference: number;
  /** The same of the half-precision ONNX model. */
  readonly maxDifferenceFp16: number;
  /** False where it differed too much to be kept. */
  readonly hasFp16: boolean;
  /** Tiles that were compared. */
  readonly tiles: number;
  /** Of the 8-bit ONNX model, where one was made. */
  readonly quantization?: QuantizationFacts;
  /** What its training tiles are like, where that was looked at. */
  readonly domain?: DomainFacts | undefined;
  /** Of the study, where the model comes from one. */
  readonly study?: StudyFacts | undefined;
}

/** Markdown. The same facts give the same text. */
export function modelCard(model: ModelDescription, agreement: CardFacts): string {
  const { study } = agreement;
  return `# Model card: ${model.classes.map(inline).join(', ')}

**${model.notice}**

Written by lungcls-fast ${model.toolVersion}.

## What it is
${whatItIs(model)}

## Intended use
- For: research on tissue classification and on the method itself, by people who can judge its answers.
- On: tiles like those it was trained on, of the same tissue, stain, scanner and magnification.
- Not for: diagnosis, treatment decisions, triage of patients, or any use on single patients; whole slides; other tissue.

${model.notice}

## Data and split
${dataAndSplit(model, study)}

## Performance
${performance(model, study)}

## Calibration
${calibration(model, study)}

## Other tiles
${otherTiles(agreement.domain)}

## Limits
- It names one of its classes for every tile, also for one that belongs to none of them${agreement.domain === undefined ? '' : ': see `in_domain`'}.
- Its figures hold for tiles like those it was trained on: same tissue, stain, scanner and magnification.
- Where several tiles come from one patient or one original image, a random split puts copies of it on both
  sides and its accuracy is too good; only a split by original or patient says how the model does on new ones.
- Of patients, centres, age and sex nothing is known to it: no figure says whether it does equally well for all.
- ${model.calibration === undefined ? 'Its probabilities are not calibrated.' : 'Its temperature holds for tiles like these alone: on others its probabilities may be far off.'}

## Files
The exported files were compared on ${agreement.tiles} tiles: the largest difference of a probability between the
tfjs and the ONNX model is ${agreement.maxDifference.toExponential(1)}, in half precision ${agreement.maxDifferenceFp16.toExponential(1)}${agreement.hasFp16 ? '' : ' (too much: that file was left out)'}.${int8Line(agreement.quantization)}

## Training settings
${table(model.training)}

## Reporting
${tripodSection(model, study)}`;
}

function whatItIs(model: ModelDescription): string {
  const { size, resize, color } = model.preprocessing;
  const inputs =
    model.pixels === 'inception'
      ? 'RGB scaled to -1..1, inside the model'
      : 'BGR from 0 to 255, inside the model';
  return `An image classifier for histology tiles: InceptionV3 up to \`mixed7\`, frozen, with a trained head:
${inline(model.head)}.

- Classes, in the order of its outputs: ${model.classes.map((name) => `\`${inline(name)}\``).join(', ')}
- Input: tiles of ${size} x ${size} pixels, 8-bit ${color.toUpperCase()}, resized as \`${resize}\` does; the network sees ${inputs}
- Preprocessing fingerprint: \`${model.preprocessingFingerprint}\`
- Base: ${inline(model.base.name)} (\`${inline(model.base.source)}\`), licence: ${inline(model.base.licence)}
- Base fingerprint: \`${inline(model.base.fingerprint)}\``;
}

function dataAndSplit({ classes }: ModelDescription, study: StudyFacts | undefined): string {
  if (study === undefined) return 'Not recorded beyond the settings below.';
  const rows = classes.map((name, c) => {
    const [all = 0, held = 0] = [study.perClass[c], study.validationPerClass[c]];
    return [inline(name), String(all), String(held)];
  });
  return `${study.tiles} tiles, tile store \`${study.store.slice(0, 12)}\`; ${study.failed} files gave no tile.

${markdownTable(['class', 'tiles', 'of them validation'], rows)}

${inline(study.split)}.${leakNote(study)}`;
}

function leakNote({ leaked, groups }: StudyFacts): string {
  if (leaked === undefined) {
    return ' **Read the figures as an upper bound: copies of validation tiles may have been trained on.**';
  }
  if (leaked > 0) {
    return ` **Read the figures as an upper bound: the model was trained on siblings of ${leaked} validation tiles.**`;
  }
  return groups === undefined ? '' : ` ${groups} groups of tiles from one original are known.`;
}

function performance(model: ModelDescription, study: StudyFacts | undefined): string {
  if (study === undefined) return table(withoutIntervals(model.metrics));
  const { classes } = model;
  const { resampled, units, resamples, overall, perClassFigures, confusionMatrix } = study;
  const heads = perClassFigures[0]?.map(({ name }) => name) ?? [];
  return `On the validation part, with 95% intervals: 2.5th to 97.5th percentile of ${resamples} resamples of its ${units} ${resampled}.${
    resampled === 'tiles'
      ? ' Which tiles come from one original is not known: where several do, the intervals are too narrow.'
      : ''
  }

${markdownTable(
  ['score', 'value (95% interval)'],
  overall.map((figure) => [figure.name, figureText(figure)]),
)}

${markdownTable(
  ['class', ...heads],
  classes.map((name, c) => [inline(name), ...(perClassFigures[c] ?? []).map(figureText)]),
)}

Confusion matrix, true classes down, given ones across:

${markdownTable(
  ['', ...classes.map(inline)],
  classes.map((name, c) => [inline(name), ...(confusionMatrix[c] ?? []).map(String)]),
)}
${study.further.map((line) => `\n${inline(line)}\n`).join('')}`;
}

function calibration(model: ModelDescription, study: StudyFacts | undefined): string {
  const own = model.calibration;
  if (own === undefined) {
    return 'None: its probabilities are what the network gives, which is often surer than it is right.';
  }
  const how =
    own.heldBack === 'groups'
      ? 'tiles of one original together'
      : 'tile by tile, as it was not known which come from one original: then it may be too low';
  const rows = (study?.calibration ?? []).map(({ before, after }) => [
    before.name,
    figureText(before),
    figureText(after),
  ]);
  return `Temperature ${own.temperature.toFixed(3)} (Guo et al., ICML 2017), applied by \`predict\` unless \`--no-calibrated\` is given; no label changes. It
was fitted on ${own.tiles} training tiles, held back (${how}) from a second head that
was trained like the model's; the model's own head was trained on all training tiles. Not used for it: the validation part.
${rows.length === 0 ? '' : `\n${markdownTable(['on the validation part', 'before', 'after'], rows)}\n`}
The exported files give the network's own probabilities. Whoever runs them elsewhere: softmax(ln(p) / ${own.temperature.toFixed(4)}).`;
}

function otherTiles(domain: DomainFacts | undefined): string {
  if (domain === undefined) {
    return 'It cannot tell tiles that are unlike those it was trained on: `in_domain` is empty.';
  }
  const { tiles, validationTiles, rejected } = domain;
  return `\`predict\` says of every tile whether it is like those of training (\`in_domain\`) and how far from them it is
(\`domain_score\`, 1 at the threshold): by nine statistics of its colours and by the mean of mixed7 over its positions, as Mahalanobis
distances from ${tiles} training tiles; a tile on which hardly anything varies is \`blank\`. The thresholds were set on the validation part: of its
${validationTiles} tiles ${rejected} are outside. A tile inside may still be of another tissue, and be named wrongly with a high probability;
one outside may be right. What is told apart on other tiles than these has to be measured on them.`;
}

/** 0.9763 (0.9701 to 0.9822) */
function figureText({ value, low, high }: Figure): string {
  const text = (x: number): string => (Number.isFinite(x) ? x.toFixed(4) : 'n/a');
  return `${text(value)} (${text(low)} to ${text(high)})`;
}

function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)].join('\n');
}

/** They have a table of their own. */
function withoutIntervals(metrics: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => name !== 'intervals'));
}

function int8Line(facts: QuantizationFacts | undefined): string {
  if (facts === undefined) return '';
  const { agreement, checkTiles, calibrationTiles, maxDifference, kept } = facts;
  return `
The 8-bit model, calibrated on ${calibrationTiles} training tiles, gives ${(100 * agreement).toFixed(1)} % of ${checkTiles} held-out tiles the same class
as the float32 model; a probability differs by at most ${maxDifference.toFixed(3)}${kept ? '' : ' (too much: that file was left out)'}.`;
}

function table(record: JsonRecord): string {
  const rows = [...scalars(record, '')];
  if (rows.length === 0) return 'Not recorded.';
  return ['| what | value |', '|---|---|', ...rows.map(([k, v]) => `| ${k} | ${v} |`)].join('\n');
}

/** Leaves of a record by their dotted names; lists of numbers or names in one cell. */
function* scalars(value: Json, path: string): Generator<[string, string]> {
  if (isList(value) && value.every((item) => typeof item !== 'object')) {
    yield [inline(path), inline(value.join(', '))];
  } else if (value !== null && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) {
      yield* scalars(inner, path === '' ? key : `${path}.${key}`);
    }
  } else yield [inline(path), inline(String(value))];
}

/** Array.isArray does not narrow readonly arrays. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Text from outside, on one line and without Markdown's or HTML's own signs. */
function inline(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*[\]|<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
