import test from 'ava';
import { dropoutMasks, epochOrder, glorotUniform, RandomStream } from '#src/training/random.js';

test('the same key draws the same numbers, another key others', (t) => {
  const draw = (...key: number[]): number[] => {
    const random = new RandomStream(key);
    return Array.from({ length: 8 }, () => random.next());
  };
  t.deepEqual(draw(1, 2, 3), draw(1, 2, 3));
  t.notDeepEqual(draw(1, 2, 3), draw(1, 3, 2));
  t.notDeepEqual(draw(1), draw(2 ** 32 + 1));
});

// Runs depend on them: these values may never change.
test('the numbers are those of earlier versions', (t) => {
  const random = new RandomStream([2022, 1, 0]);
  t.deepEqual(
    Array.from({ length: 5 }, () => random.next()),
    [62771326, 3039157718, 2566480634, 2281910966, 4058006844],
  );
  t.deepEqual([...epochOrder(12, 7, 3)], [9, 8, 5, 3, 10, 6, 0, 4, 11, 1, 7, 2]);
  t.deepEqual(
    [...glorotUniform(2, 3, 5, 0)],
    [
      -0.2653767764568329, -0.9845094084739685, 0.37539273500442505, -1.050079107284546,
      0.12519137561321259, -0.6249592900276184,
    ],
  );
});

test('an epoch visits every tile once, in an order of its own', (t) => {
  const first = epochOrder(1000, 0, 1);
  t.deepEqual(
    [...first].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
  t.notDeepEqual([...first], [...epochOrder(1000, 0, 2)]);
  t.notDeepEqual([...first], [...epochOrder(1000, 1, 1)]);
});

test('permutations of three are equally likely', (t) => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const key = epochOrder(3, seed, 1).join('');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  t.is(counts.size, 6);
  // Six standard deviations of a binomial(6000, 1/6) are 173.
  for (const count of counts.values()) t.true(Math.abs(count - 1000) < 173, String(count));
});

test('dropout zeroes its share and scales the rest', (t) => {
  const layer = { units: 1000, rate: 0.3 };
  const [mask = new Float32Array(), other = mask] = dropoutMasks([layer, layer], 100, 0, 1);
  t.is(mask.length, 100_000);
  const kept = mask.filter((x) => x !== 0);
  t.true(kept.every((x) => x === Math.fround(1 / 0.7)));
  t.true(Math.abs(kept.length - 70_000) < 900, String(kept.length));
  t.notDeepEqual([...mask], [...other], 'layers draw in turn');
  t.notDeepEqual([...mask], [...(dropoutMasks([layer], 100, 0, 2)[0] ?? mask)]);
  t.true(dropoutMasks([{ units: 1, rate: 0 }], 100, 0, 1)[0]?.every((x) => x === 1));
  t.deepEqual(dropoutMasks([], 100, 0, 1), []);
});

test("kernels are uniform within Glorot's limit", (t) => {
  const kernel = glorotUniform(300, 100, 0, 0);
  const limit = Math.sqrt(6 / 400);
  const mean = kernel.reduce((a, b) => a + b, 0) / kernel.length;
  const variance = kernel.reduce((a, b) => a + b * b, 0) / kernel.length;
  t.true(kernel.every((x) => Math.abs(x) <= limit));
  t.true(Math.abs(mean) < limit * 0.02);
  t.true(Math.abs(variance / (limit ** 2 / 3) - 1) < 0.02);
});
