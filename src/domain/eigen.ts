/** Eigenvalues and eigenvectors of a symmetric matrix, in float64. */

export interface Eigen {
  /** Falling. */
  readonly values: Float64Array;
  /** Row k: the unit vector of value k; (n, n), C order. */
  readonly vectors: Float64Array;
}

/** As many QL steps for one value as never happen: two are usual. */
const MOST_STEPS = 60;

/**
 * By Householder's reduction to three diagonals and QL steps with implicit shifts (Golub and Van Loan, Matrix
 * Computations, 8.3). Some three seconds for n = 768. The same matrix gives the same result everywhere.
 * @param matrix symmetric, (n, n); left as it is
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const { diagonal, beside, vectors } = tridiagonal(matrix, n);
  for (let l = 0; l < n; l++) {
    for (let step = 0; step < MOST_STEPS; step++) {
      const m = firstSplit(diagonal, beside, l);
      if (m === l) break;
      shiftedStep(diagonal, beside, vectors, l, m);
    }
  }
  const order = [...diagonal.keys()].sort((a, b) => (diagonal[b] ?? 0) - (diagonal[a] ?? 0));
  const sorted = new Float64Array(n * n);
  order.forEach((from, to) => {
    sorted.set(vectors.subarray(from * n, (from + 1) * n), to * n);
  });
  return { values: Float64Array.from(order, (i) => diagonal[i] ?? 0), vectors: sorted };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Element k stands beside diagonal elements k and k + 1; the last one is 0. */
  readonly beside: Float64Array;
  /** What turns the three diagonals back into the matrix: its rows turn with the QL steps. */
  readonly vectors: Float64Array;
}

function tridiagonal(matrix: Float64Array, n: number): Tridiagonal {
  const a = matrix.slice();
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    // The reflection that leaves of row k only the element beside the diagonal.
    let norm = 0;
    for (let i = k + 1; i < n; i++) norm += (v[i] = a[k * n + i] ?? 0) ** 2;
    const first = v[k + 1] ?? 0;
    const length = first > 0 ? -Math.sqrt(norm) : Math.sqrt(norm);
    beside[k] = length;
    const square = 2 * (norm - first * length);
    if (square === 0) continue;
    v[k + 1] = first - length;
    const beta = 2 / square;
    reflectBothSides(a, n, k + 1, v, w, beta);
    reflectRows(vectors, n, k + 1, v, w, beta);
  }
  for (let i = 0; i < n; i++) diagonal[i] = a[i * n + i] ?? 0;
  return { diagonal, beside, vectors };
}

/** A - v w' - w v' with w = p - beta (p'v) v / 2, p = beta A v: the part of A from `from` on, reflected. */
function reflectBothSides(
  a: Float64Array,
  n: number,
  from: number,
  v: Float64Array,
  w: Float64Array,
  beta: number,
): void {
  let along = 0;
  for (let i = from; i < n; i++) {
    let sum = 0;
    for (let j = from, at = i * n + from; j < n; j++, at++) sum += (a[at] ?? 0) * (v[j] ?? 0);
    w[i] = beta * sum;
    along += beta * sum * (v[i] ?? 0);
  }
  for (let i = from; i < n; i++) w[i] = (w[i] ?? 0) - (beta / 2) * along * (v[i] ?? 0);
  for (let i = from; i < n; i++) {
    const vi = v[i] ?? 0;
    const wi = w[i] ?? 0;
    for (let j = from, at = i * n + from; j < n; j++, at++) {
      a[at] = (a[at] ?? 0) - vi * (w[j] ?? 0) - wi * (v[j] ?? 0);
    }
  }
}

/** (I - beta v v') Z, of all its columns. */
function reflectRows(
  z: Float64Array,
  n: number,
  from: number,
  v: Float64Array,
  sums: Float64Array,
  beta: number,
): void {
  sums.fill(0);
  for (let i = from; i < n; i++) {
    const vi = beta * (v[i] ?? 0);
    for (let j = 0, at = i * n; j < n; j++, at++) sums[j] = (sums[j] ?? 0) + vi * (z[at] ?? 0);
  }
  for (let i = from; i < n; i++) {
    const vi = v[i] ?? 0;
    for (let j = 0, at = i * n; j < n; j++, at++) z[at] = (z[at] ?? 0) - vi * (sums[j] ?? 0);
  }
}

/** The first m from l on that nothing joins to m + 1, within rounding. */
function firstSplit(diagonal: Float64Array, beside: Float64Array, l: number): number {
  let m = l;
  for (; m < diagonal.length - 1; m++) {
    const size = Math.abs(diagonal[m] ?? 0) + Math.abs(diagonal[m + 1] ?? 0);
    if (Math.abs(beside[m] ?? 0) <= Number.EPSILON * size) break;
  }
  return m;
}

/** One QL step on elements l to m, by rotations from below; the rows of `vectors` turn with them. */
function shiftedStep(
  d: Float64Array,
  e: Float64Array,
  vectors: Float64Array,
  l: number,
  m: number,
): void {
  const n = d.length;
  const [dl = 0, el = 0] = [d[l], e[l]];
  const half = ((d[l + 1] ?? 0) - dl) / (2 * el);
  const root = Math.sqrt(half * half + 1);
  let g = (d[m] ?? 0) - dl + el / (half + (half < 0 ? -root : root));
  let [sine, cosine, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = sine * (e[i] ?? 0);
    const b = cosine * (e[i] ?? 0);
    const r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      // It has come apart on the way: the next step sees that.
      d[i + 1] = (d[i + 1] ?? 0) - p;
      e[m] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = (d[i + 1] ?? 0) - p;
    const q = ((d[i] ?? 0) - g) * sine + 2 * cosine * b;
    p = sine * q;
    d[i + 1] = g + p;
    g = cosine * q - b;
    for (let k = i * n; k < (i + 1) * n; k++) {
      const above = vectors[k] ?? 0;
      const below = vectors[k + n] ?? 0;
      vectors[k + n] = sine * above + cosine * below;
      vectors[k] = cosine * above - sine * below;
    }
  }
  d[l] = dl - p;
  e[l] = g;
  e[m] = 0;
}
