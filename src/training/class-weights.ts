/** Factors of the classes in the training loss: Keras's `class_weight`. */
import { LungclsError } from '../errors.js';

/**
 * `none`: every tile counts the same. `balanced`: every class does (see balancedWeights). Else a factor
 * of at least 0 for each class named; those not named have 1, as in Keras.
 */
export type ClassWeights = 'none' | 'balanced' | Readonly<Record<string, number>>;

/** Whether it is one of the values of `classWeights`; the names are another matter. */
export function isClassWeights(value: unknown): value is ClassWeights {
  if (value === 'none' || value === 'balanced') return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((w) => typeof w === 'number' && Number.isFinite(w) && w >= 0)
  );
}

/** @throws LungclsError INVALID_OPTION for the name of a class that is not there */
export function checkNames(weights: ClassWeights, classes: readonly string[]): void {
  if (typeof weights === 'string') return;
  const unknown = Object.keys(weights).find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected names of classes (${classes.join(', ')}) for classWeights but received ${JSON.stringify(unknown)}`,
    );
  }
}

/**
 * The factor of each class, or undefined where all count the same.
 * @param labels Class index of every training tile
 */
export function factorsOf(
  weights: ClassWeights,
  classes: readonly string[],
  labels: Iterable<number>,
): Float32Array | undefined {
  if (weights === 'none') return undefined;
  if (weights === 'balanced') return balancedWeights(classes.length, labels);
  return Float32Array.from(classes, (name) =>
    Object.hasOwn(weights, name) ? (weights[name] ?? 1) : 1,
  );
}

/**
 * scikit-learn's `compute_class_weight("balanced")`: tiles / (classes * tiles of the class). A class
 * without tiles is not counted, and has 1.
 */
export function balancedWeights(classes: number, labels: Iterable<number>): Float32Array {
  const counts = new Float64Array(classes);
  let tiles = 0;
  for (const label of labels) {
    counts[label] = (counts[label] ?? 0) + 1;
    tiles++;
  }
  const present = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  return Float32Array.from(counts, (count) => (count > 0 ? tiles / (present * count) : 1));
}

/** For people: `lung_n 1, lung_aca 2.5`. */
export function describeFactors(factors: Float32Array, classes: readonly string[]): string {
  return classes
    .map((name, c) => `${name} ${String(Number((factors[c] ?? 1).toPrecision(4)))}`)
    .join(', ');
}

/** The option as one value: `balanced`, or `lung_n=1,lung_aca=2.5` as the command line takes it. */
export function classWeightsText(weights: ClassWeights): string {
  if (typeof weights === 'string') return weights;
  return Object.entries(weights)
    .map(([name, weight]) => `${name}=${String(weight)}`)
    .join(',');
}
