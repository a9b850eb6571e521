/**
 * Gives the layers of somebody's InceptionV3 our names. Files number their layers in their own ways
 * (from 1, from 0, on from an earlier model of the same session), but always in the order in which
 * Keras built them; so layers are matched by that order and then checked by shape.
 */
import { LungclsError } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { inceptionV3ToMixed7 } from './inception-v3.js';
import { selectWeights } from './weights.js';

/** One layer of a file: its weights by Keras's names (`kernel`, `beta`, `moving_mean`, ...). */
export interface SourceLayer {
  /** As the file has it: for messages. */
  readonly name: string;
  readonly weights: ReadonlyMap<string, NamedTensor>;
}

export interface SourceLayers {
  /** Convolutions in Keras's build order; those after the 70th are not looked at. */
  readonly convolutions: readonly SourceLayer[];
  /** BatchNormalization layers in Keras's build order. */
  readonly normalizations: readonly SourceLayer[];
}

/** Any size does: the shapes of the base's weights do not depend on it. */
export const BASE_INPUT_SHAPE = [256, 256, 3] as const;

/** The number at the end of a Keras layer name; the first of a kind has none. */
export function layerNumber(name: string): number {
  const digits = /_(\d+)$/.exec(name)?.[1];
  return digits === undefined ? 0 : Number(digits);
}

/** Layers in the order of their numbers: Keras's build order. */
export function byNumber<T extends { readonly name: string }>(layers: readonly T[]): T[] {
  return [...layers].sort((a, b) => layerNumber(a.name) - layerNumber(b.name));
}

/**
 * The base's weights under our names, checked.
 * @throws LungclsError BASE_INVALID naming the first layer that does not fit
 */
export function mapToBase(layers: SourceLayers, what: string): Map<string, NamedTensor> {
  const graph = inceptionV3ToMixed7();
  const renamed = new Map<string, NamedTensor>();
  for (const [op, source] of [
    ['conv', layers.convolutions],
    ['batchNormalization', layers.normalizations],
  ] as const) {
    const wanted = graph.nodes.filter((node) => node.op === op);
    if (source.length < wanted.length) {
      throw new LungclsError(
        'BASE_INVALID',
        `${what}: expected an InceptionV3, which has ${wanted.length} layers of type ${op} up to mixed7, ` +
          `but found ${source.length}`,
      );
    }
    for (const [index, node] of wanted.entries()) {
      for (const [weight, tensor] of source[index]?.weights ?? []) {
        renamed.set(`${node.name}/${weight}`, tensor);
      }
    }
    refuseForeignWeights(wanted, source, op, what);
  }
  return selectWeights(renamed, graph, BASE_INPUT_SHAPE, what);
}

/** A bias or a gamma that we would silently drop makes it another network. */
function refuseForeignWeights(
  wanted: readonly { readonly name: string }[],
  source: readonly SourceLayer[],
  op: 'conv' | 'batchNormalization',
  what: string,
): void {
  const foreign = op === 'conv' ? 'bias' : 'gamma';
  const layer = source.slice(0, wanted.length).find(({ weights }) => weights.has(foreign));
  if (layer !== undefined) {
    throw new LungclsError(
      'BASE_INVALID',
      `${what}: expected layer ${layer.name} to have no ${foreign}, as Keras's InceptionV3, but it has one`,
    );
  }
}
