/** scikit-learn's `train_test_split`, index for index. */
import { LungclsError } from '../errors.js';
import { MersenneTwister } from './random-state.js';

export interface Split {
  /** Row indices of the training part, in scikit-learn's order. */
  readonly train: Int32Array;
  /** Row indices of the validation part, in scikit-learn's order. */
  readonly validation: Int32Array;
}

/**
 * Splits the rows 0 to n - 1 as `train_test_split(range(n), test_size=testSize, random_state=seed)`
 * of scikit-learn does (shuffled, not stratified): a permutation whose first `ceil(testSize * n)`
 * entries are the validation part and whose others are the training part.
 *
 * @param n number of rows, 2 or more
 * @param testSize share of the validation part, above 0 and below 1
 * @param seed scikit-learn's `random_state`, an integer from 0 to 2^32 - 1
 * @throws LungclsError INVALID_OPTION, or TOO_FEW_TILES when a part would be empty
 */
export function trainTestSplit(n: number, testSize: number, seed: number): Split {
  if (!Number.isInteger(n) || n < 0 || n > 0x7fffffff) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a number of rows from 0 to 2147483647 for n but received ${String(n)} of type ${typeof n}`,
    );
  }
  if (typeof testSize !== 'number' || !(testSize > 0 && testSize < 1)) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a number above 0 and below 1 for testSize but received ${String(testSize)} of type ${typeof testSize}`,
    );
  }
  const validationCount = Math.ceil(testSize * n);
  if (n - validationCount < 1 || validationCount < 1) {
    throw new LungclsError(
      'TOO_FEW_TILES',
      `A share of ${String(testSize)} of ${String(n)} tiles leaves ${String(n - validationCount)} for training and ${String(validationCount)} for validation; both need at least one`,
    );
  }
  const order = new MersenneTwister(seed).permutation(n);
  return { train: order.slice(validationCount), validation: order.slice(0, validationCount) };
}
