/** A domain as bytes: in the bundle's folder as a file, and inside every .onnx as a string. */
import { LungclsError } from '../errors.js';
import { canonicalJson } from '../storage/hash.js';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '../storage/safetensors.js';
import { COLOUR_COUNT } from './colour.js';
import type { DomainModel } from './domain.js';
import type { Gaussian } from './gaussian.js';

/** The key of everything that is no tensor, as JSON. */
const FACTS_KEY = 'lungcls.domain';
/** Raised when what stands in it changes its meaning. */
const VERSION = 1;
const PARTS = ['content', 'colour'] as const;
const COUNTS = ['tiles', 'validationTiles', 'rejected'] as const;
const LIMITS = ['contentLimit', 'colourLimit', 'spreadLimit'] as const;
/** More than any network's features: a limit because the shapes come from a file. */
const MOST_NUMBERS = 1 << 22;

/**
 * As safetensors: `content.mean` (768), `content.axes` (k, 768), the same of `colour` with 9; limits and facts in the
 * header. The same domain gives the same bytes.
 */
export function encodeDomain(model: DomainModel): Uint8Array {
  const tensors = new Map<string, NamedTensor>();
  for (const part of PARTS) {
    const { mean, axes, width } = model[part];
    tensors.set(`${part}.mean`, { shape: [width], data: mean });
    tensors.set(`${part}.axes`, { shape: [axes.length / width, width], data: axes });
  }
  const { tiles, validationTiles, rejected, precision } = model;
  const { contentLimit, colourLimit, spreadLimit } = model;
  const facts = {
    version: VERSION,
    ...{ tiles, validationTiles, rejected, precision, contentLimit, colourLimit, spreadLimit },
    residual: { content: model.content.residual, colour: model.colour.residual },
  };
  return Buffer.concat(encodeSafetensors(tensors, { [FACTS_KEY]: canonicalJson(facts) }));
}

/**
 * @param where it is from, for messages
 * @throws LungclsError MODEL_INVALID
 */
export async function decodeDomain(bytes: Uint8Array, where: string): Promise<DomainModel> {
  const invalid = (why: string, cause?: unknown): LungclsError =>
    new LungclsError('MODEL_INVALID', `${where}: ${why}`, { path: where, cause });
  if (bytes.byteLength > 4 * MOST_NUMBERS) throw invalid('the statistics are implausibly large');
  const { tensors, metadata } = await decodeSafetensors(bytes, where).catch((error: unknown) => {
    throw invalid('expected statistics of the training tiles as safetensors', error);
  });
  let facts: unknown;
  try {
    facts = JSON.parse(metadata[FACTS_KEY] ?? '');
  } catch (error) {
    throw invalid(`expected JSON for ${FACTS_KEY}`, error);
  }
  if (!isRecord(facts) || facts['version'] !== VERSION) {
    throw invalid(`expected statistics of version ${VERSION}, which this version reads`);
  }
  const { residual, precision } = facts;
  const number = (from: Record<string, unknown>, name: string, least: number): number => {
    const value = from[name];
    if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value;
    throw invalid(`expected a number from ${least} on for ${name}`);
  };
  const gaussian = (part: (typeof PARTS)[number]): Gaussian => {
    const [mean, axes] = [tensors.get(`${part}.mean`), tensors.get(`${part}.axes`)];
    const [width = 0] = mean?.shape ?? [];
    if (mean?.shape.length !== 1 || axes?.shape.length !== 2 || axes.shape[1] !== width) {
      throw invalid(`expected ${part}.mean (n) and ${part}.axes (k, n)`);
    }
    if (![...mean.data, ...axes.data].every(Number.isFinite)) {
      throw invalid(`expected finite numbers in ${part}.mean and ${part}.axes`);
    }
    if (!isRecord(residual)) throw invalid('expected residual deviations');
    return { width, mean: mean.data, axes: axes.data, residual: number(residual, part, 0) };
  };
  const [content, colour] = [gaussian('content'), gaussian('colour')];
  if (colour.width !== COLOUR_COUNT) throw invalid(`expected ${COLOUR_COUNT} colour statistics`);
  if (precision !== 'fp32' && precision !== 'int8') {
    throw invalid('expected fp32 or int8 for precision');
  }
  const [tiles, validationTiles, rejected] = COUNTS.map((name) => number(facts, name, 0));
  const [contentLimit, colourLimit, spreadLimit] = LIMITS.map((name) =>
    number(facts, name, Number.MIN_VALUE),
  );
  return {
    ...{ content, colour, precision },
    ...{ tiles: tiles ?? 0, validationTiles: validationTiles ?? 0, rejected: rejected ?? 0 },
    contentLimit: contentLimit ?? 1,
    colourLimit: colourLimit ?? 1,
    spreadLimit: spreadLimit ?? 1,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
