/**
 * InceptionV3 out of the files that Keras writes: HDF5 in its legacy layout (`model.save('x.h5')`,
 * the published weights), HDF5 as Keras 3 lays it out (`.weights.h5`), and `.keras`, a zip with the
 * latter in it. The whole network or cut anywhere from mixed7 on, with a head or without.
 */
import { LungclsError } from '../errors.js';
import type { NamedTensor } from '../storage/safetensors.js';
import { inceptionV3ToMixed7 } from './inception-v3.js';
import { isHdf5, withHdf5, type Hdf5Reader } from './hdf5.js';
import { kerasLayerOrder } from './keras-order.js';
import { byNumber, layerNumber, mapToBase, type SourceLayer } from './layer-mapping.js';
import { isZip, readZipEntry } from './zip-entry.js';

const WEIGHTS_IN_KERAS_ZIP = 'model.weights.h5';

/**
 * The base's weights, under our names.
 * @param what names the file in messages
 * @throws LungclsError BASE_INVALID naming the first thing that does not fit
 */
export async function readKerasFile(
  bytes: Uint8Array,
  what: string,
): Promise<Map<string, NamedTensor>> {
  if (isZip(bytes)) {
    const inner = await readZipEntry(bytes, WEIGHTS_IN_KERAS_ZIP, what);
    return readKerasFile(inner, `${what}:${WEIGHTS_IN_KERAS_ZIP}`);
  }
  if (!isHdf5(bytes)) {
    throw new LungclsError(
      'BASE_INVALID',
      `${what}: expected a Keras file (.h5, .weights.h5 or .keras) but it is neither HDF5 nor a zip`,
    );
  }
  return withHdf5(bytes, what, (file) => {
    const legacy = legacyLayers(file);
    const layers = legacy ?? keras3Layers(file);
    if (layers.length === 0) {
      throw new LungclsError(
        'BASE_INVALID',
        `${what}: expected layers of a Keras model, found none`,
      );
    }
    const convolutions = layers.filter(({ weights }) => weights.get('kernel')?.shape.length === 4);
    const normalizations = layers.filter(({ weights }) => weights.has('moving_mean'));
    // InceptionV3's have no gamma; those of a head on top of it do.
    const unscaled = normalizations.filter(({ weights }) => !weights.has('gamma'));
    return mapToBase(
      {
        convolutions,
        normalizations: unscaled.length >= convolutions.length ? unscaled : normalizations,
      },
      what,
    );
  });
}

/**
 * The layout of Keras 1 and 2: a group a layer, whose attribute `weight_names` lists paths such as
 * `conv2d_1/kernel:0`. A model inside a model is one such group with the names of all its layers.
 */
function legacyLayers(file: Hdf5Reader): SourceLayer[] | undefined {
  const root = file.isGroup('model_weights') ? 'model_weights' : '';
  const names = file.strings(root, 'layer_names');
  if (names === undefined) return undefined;
  const layers = new Map<string, Map<string, NamedTensor>>();
  for (const group of names) {
    const path = root === '' ? group : `${root}/${group}`;
    for (const weightName of file.strings(path, 'weight_names') ?? []) {
      const parts = weightName.split('/');
      const weight = (parts.at(-1) ?? '').replace(/:\d+$/, '');
      const layer = parts.at(-2) ?? group;
      const tensor = file.tensor(`${path}/${weightName}`);
      if (tensor === undefined) continue;
      const weights = layers.get(layer) ?? new Map<string, NamedTensor>();
      layers.set(layer, weights.set(weight, tensor));
    }
  }
  return byNumber([...layers].map(([name, weights]) => ({ name, weights })));
}

/** Names of a layer's `vars/0`, `vars/1`, ... by how many there are and how many axes they have. */
const VARIABLES: readonly { readonly axes: string; readonly names: readonly string[] }[] = [
  { axes: '4', names: ['kernel'] },
  { axes: '41', names: ['kernel', 'bias'] },
  { axes: '111', names: ['beta', 'moving_mean', 'moving_variance'] },
  { axes: '1111', names: ['gamma', 'beta', 'moving_mean', 'moving_variance'] },
];

/**
 * The layout of Keras 3: `.../conv2d_12/vars/0`. The group's number counts layers of that class in
 * the order of model.layers; the layer's own name stands in an attribute of `vars` (in older files it
 * does not).
 */
function keras3Layers(file: Hdf5Reader): SourceLayer[] {
  const named: SourceLayer[] = [];
  const unnamed: SourceLayer[] = [];
  for (const path of file.paths) {
    const parts = path.split('/');
    if (parts.at(-1) !== 'vars' || parts.includes('optimizer') || !file.isGroup(path)) continue;
    const count = file.names(path).length;
    // Others are not ours, and need not be read: an optimizer's are as large as the model.
    if (count < 1 || count > 4) continue;
    const tensors = Array.from({ length: count }, (_, i) => file.tensor(`${path}/${String(i)}`));
    const axes = tensors.map((tensor) => tensor?.shape.length ?? 0).join('');
    const kind = VARIABLES.find((candidate) => candidate.axes === axes);
    if (kind === undefined) continue;
    const weights = new Map<string, NamedTensor>();
    for (const [i, tensor] of tensors.entries()) {
      if (tensor !== undefined) weights.set(kind.names[i] ?? '', tensor);
    }
    const name = file.strings(path, 'name')?.[0];
    if (name === undefined) unnamed.push({ name: parts.at(-2) ?? '', weights });
    else named.push({ name, weights });
  }
  return named.length > 0 ? byNumber(named) : inBuildOrder(unnamed);
}

/** Layers numbered in the order of model.layers, a class at a time, in the order of building. */
function inBuildOrder(layers: readonly SourceLayer[]): SourceLayer[] {
  const order = kerasLayerOrder(inceptionV3ToMixed7());
  return (
    [
      ['conv', (layer: SourceLayer) => layer.weights.has('kernel')],
      ['batchNormalization', (layer: SourceLayer) => layer.weights.has('moving_mean')],
    ] as const
  ).flatMap(([op, isOfKind]) => {
    const source = byNumber(layers.filter(isOfKind));
    const built = order.filter((node) => node.op === op).map(({ name }) => layerNumber(name));
    const sorted = source.slice(0, built.length).map((layer, i) => ({ layer, at: built[i] ?? 0 }));
    return [
      ...sorted.toSorted((a, b) => a.at - b.at).map(({ layer }) => layer),
      ...source.slice(built.length),
    ];
  });
}
