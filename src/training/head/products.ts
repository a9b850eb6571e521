/**
 * Matrix products that the wasm backend computes quickly. It has XNNPACK for plain products, and a slow
 * loop where an operand is to be transposed on the way (tfjs-backend-wasm 4.22, BatchMatMul.cc), as
 * both operands of a product are in its gradients. Transposing first is faster there; the other
 * backends do without.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Tf } from '../../runtime/tensorflow.js';

/** a b, with gradients for both. */
export function product(tf: Tf, a: Tensor2D, b: Tensor2D): Tensor2D {
  if (tf.getBackend() !== 'wasm') return tf.matMul(a, b);
  const multiply = tf.customGrad((...inputs) => {
    const [x, y, save] = inputs as unknown as [Tensor2D, Tensor2D, (tensors: Tensor[]) => void];
    save([x, y]);
    return {
      value: tf.matMul<Tensor2D>(x, y),
      gradFunc: (slope: Tensor, saved: Tensor[]) => {
        const [left, right] = saved as [Tensor2D, Tensor2D];
        const dy = slope as Tensor2D;
        return [
          tf.matMul<Tensor2D>(dy, tf.transpose(right)),
          tf.matMul<Tensor2D>(tf.transpose(left), dy),
        ];
      },
    };
  });
  return multiply(a, b);
}

/** Transposed a times b. */
export function transposedProduct(tf: Tf, a: Tensor2D, b: Tensor2D): Tensor2D {
  if (tf.getBackend() !== 'wasm') return tf.matMul(a, b, true, false);
  return tf.tidy(() => tf.matMul<Tensor2D>(tf.transpose(a), b));
}
