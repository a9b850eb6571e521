/** Where in a tile a class was seen: Grad-CAM, from the features and the head alone. */

/**
 * Grad-CAM (Selvaraju et al., ICCV 2017, equations 1 and 2): the channels of the feature map, each
 * weighted by the mean of the logit's derivative over its positions, summed; what speaks against the
 * class counts as 0.
 * @param features one tile's [H, W, C], row by row, channels innermost
 * @param gradient the derivative of the class's logit by them, in the same order
 * @returns (H, W), row by row, 0 to 1: divided by its largest value, or all 0
 */
export function gradCam(
  features: ArrayLike<number>,
  gradient: ArrayLike<number>,
  [height = 0, width = 0, channels = 0]: readonly number[],
): Float32Array {
  const positions = height * width;
  const weights = new Float64Array(channels);
  for (let i = 0; i < gradient.length; i++) {
    const c = i % channels;
    weights[c] = (weights[c] ?? 0) + (gradient[i] ?? 0) / positions;
  }
  const map = new Float32Array(positions);
  for (let p = 0; p < positions; p++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += (weights[c] ?? 0) * (features[p * channels + c] ?? 0);
    map[p] = Math.max(sum, 0);
  }
  const most = map.reduce((a, b) => Math.max(a, b), 0);
  return most > 0 ? map.map((value) => value / most) : map;
}
