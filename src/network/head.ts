/**
 * The heads that are trained on top of the base, as data under Keras's names and defaults. Training,
 * the lowerings and what is written about a model all follow this description.
 */
import { RECIPE } from '../config.js';
import { LungclsError } from '../errors.js';
import type {
  BatchNormalizationNode,
  DenseNode,
  DropoutNode,
  FlattenNode,
  GlobalAveragePoolNode,
  NetworkGraph,
  ReluNode,
  SoftmaxNode,
} from './graph.js';

/**
 * `recipe`: Flatten, Dense 256 relu, BatchNormalization, Dense 128 relu, Dropout 0.3,
 * BatchNormalization, Dense softmax. `gap`: GlobalAveragePooling2D, Dense 256 relu, Dense softmax: a
 * 200th of the recipe's weights.
 */
export const HEADS = ['recipe', 'gap'] as const;
export type HeadKind = (typeof HEADS)[number];

/** Rate of a head's Dropout unless another is given; at 0, `gap` has none. */
export const HEAD_DROPOUT: Readonly<Record<HeadKind, number>> = { recipe: RECIPE.dropout, gap: 0 };

const HEAD_INPUT = 'features';
/** BatchNormalization's default in Keras. */
const EPSILON = 1e-3;

export const MIN_CLASSES = 2;
export const MAX_CLASSES = 100;

export interface HeadOptions {
  /** How many, 2 to 100. */
  classes: number;
  /** `recipe` by default. */
  head?: HeadKind;
  /** Rate of its Dropout, 0 to below 1; HEAD_DROPOUT by default. */
  dropout?: number;
  /** Units of its hidden Dense layers: 256 and 128 in `recipe`, 256 in `gap` by default. */
  units?: readonly number[];
}

/** Layers that may stand behind a head's first Dense and before its softmax. */
export type HiddenNode = DenseNode | ReluNode | BatchNormalizationNode | DropoutNode;
export type HeadNode = FlattenNode | GlobalAveragePoolNode | HiddenNode | SoftmaxNode;

/** One layer feeds the next: a feature map becomes a row of numbers, then come Dense layers. */
export interface HeadGraph extends NetworkGraph {
  readonly nodes: readonly HeadNode[];
}

/** A layer before it has its name and place. */
type Layer = HeadNode extends infer N
  ? N extends HeadNode
    ? Omit<N, 'name' | 'input'>
    : N
  : never;

/** Keras's names, to which it appends `_1`, `_2`, ... from the second of a kind on. */
const NAMES: Readonly<Record<HeadNode['op'], string>> = {
  flatten: 'flatten',
  globalAveragePool: 'global_average_pooling2d',
  dense: 'dense',
  relu: 'relu',
  batchNormalization: 'batch_normalization',
  dropout: 'dropout',
  softmax: 'softmax',
};

/**
 * Features [14, 14, 768] (any [H, W, C]) to `classes` probabilities, layer after layer. Weights:
 * `<layer>/{kernel,bias}` of `dense`, `dense_1`, ... and, in the recipe,
 * `<layer>/{gamma,beta,moving_mean,moving_variance}` of `batch_normalization`, `batch_normalization_1`.
 * @throws LungclsError INVALID_OPTION unless there are 2 to 100 classes
 */
export function headGraph(options: HeadOptions): HeadGraph {
  const { classes, head = 'recipe' } = options;
  if (!Number.isInteger(classes) || classes < MIN_CLASSES || classes > MAX_CLASSES) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected ${MIN_CLASSES} to ${MAX_CLASSES} classes but received ${classes}`,
    );
  }
  const layers: Layer[] = [
    ...hiddenLayers(head, options),
    { op: 'dense', units: classes },
    { op: 'softmax' },
  ];
  return chain(layers);
}

function hiddenLayers(head: HeadKind, options: HeadOptions): Layer[] {
  const { dropout: rate = HEAD_DROPOUT[head], units = RECIPE.denseUnits } = options;
  const [first = 0, second = 0] = units;
  const norm = { op: 'batchNormalization', epsilon: EPSILON, scale: true } as const;
  switch (head) {
    case 'recipe':
      return [
        { op: 'flatten' },
        { op: 'dense', units: first },
        { op: 'relu' },
        norm,
        { op: 'dense', units: second },
        { op: 'relu' },
        { op: 'dropout', rate },
        norm,
      ];
    case 'gap':
      return [
        { op: 'globalAveragePool' },
        { op: 'dense', units: first },
        { op: 'relu' },
        ...(rate > 0 ? [{ op: 'dropout', rate } as const] : []),
      ];
  }
}

function chain(layers: readonly Layer[]): HeadGraph {
  const used = new Map<string, number>();
  const nodes: HeadNode[] = [];
  let input = HEAD_INPUT;
  for (const layer of layers) {
    const stem = NAMES[layer.op];
    const before = used.get(stem) ?? 0;
    used.set(stem, before + 1);
    const name = before === 0 ? stem : `${stem}_${String(before)}`;
    nodes.push({ ...layer, name, input });
    input = name;
  }
  return { input: HEAD_INPUT, nodes, output: input };
}

/** A head in words: `GlobalAveragePooling2D, Dense 256 relu, Dense 3 softmax`. */
export function describeHead({ nodes }: HeadGraph): string {
  const words = nodes.map((node): string => {
    switch (node.op) {
      case 'flatten':
        return ', Flatten';
      case 'globalAveragePool':
        return ', GlobalAveragePooling2D';
      case 'dense':
        return `, Dense ${String(node.units)}`;
      case 'batchNormalization':
        return ', BatchNormalization';
      case 'dropout':
        return `, Dropout ${String(node.rate)}`;
      case 'relu':
      case 'softmax':
        return ` ${node.op}`;
    }
  });
  return words.join('').slice(2);
}
