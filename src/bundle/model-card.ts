/** MODEL_CARD.md: what a model is, made of and good for, for whoever finds it alone. */
import type { Json } from '../storage/hash.js';
import type { JsonRecord, ModelDescription, QuantizationFacts } from './metadata.js';

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
}

/** Markdown. The same description gives the same text. */
export function modelCard(model: ModelDescription, agreement: CardFacts): string {
  const { size, resize, color } = model.preprocessing;
  const inputs =
    model.pixels === 'inception'
      ? 'RGB scaled to -1..1, inside the model'
      : 'BGR from 0 to 255, inside the model';
  return `# Model card: ${model.classes.map(inline).join(', ')}

**${model.notice}**

Written by lungcls-fast ${model.toolVersion}.

## What it is
An image classifier for histology tiles: InceptionV3 up to \`mixed7\`, frozen, with a trained head:
${inline(model.head)}.

- Classes, in the order of its outputs: ${model.classes.map((name) => `\`${inline(name)}\``).join(', ')}
- Input: tiles of ${size} x ${size} pixels, 8-bit ${color.toUpperCase()}, resized as \`${resize}\` does; the network sees ${inputs}
- Preprocessing fingerprint: \`${model.preprocessingFingerprint}\`
- Base: ${inline(model.base.name)} (\`${inline(model.base.source)}\`), licence: ${inline(model.base.licence)}
- Base fingerprint: \`${inline(model.base.fingerprint)}\`

## Intended use
Research on tissue classification and on the method itself. ${model.notice}

## Training: data, split, settings
${table(model.training)}

## Figures
${table(model.metrics)}

The exported files were compared on ${agreement.tiles} tiles: the largest difference of a probability between the
tfjs and the ONNX model is ${agreement.maxDifference.toExponential(1)}, in half precision ${agreement.maxDifferenceFp16.toExponential(1)}${agreement.hasFp16 ? '' : ' (too much: that file was left out)'}.${int8Line(agreement.quantization)}

## Limits
- It names one of its classes for every tile, also for one that belongs to none of them.
- Its figures hold for tiles like those it was trained on: same tissue, stain, scanner and magnification.
- Where several tiles come from one patient or one original image, a random split puts copies of it on both
  sides and its accuracy is too good; only a split by original or patient says how the model does on new ones.
- Its probabilities are not calibrated.
`;
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
