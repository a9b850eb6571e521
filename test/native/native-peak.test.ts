import { availableParallelism } from 'node:os';
import test from 'ava';
import { measureMachinePeak } from '#src/native/addon.js';

test.serial('every rate is measured while the event loop goes on', async (t) => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  const peak = await measureMachinePeak({ threads: 2, seconds: 0.05 });
  clearInterval(timer);
  t.true(ticks >= 5, `${String(ticks)} ticks`);
  for (const rate of [peak.readGBs, peak.copyGBs, peak.fp32Gflops]) {
    t.true(Number.isFinite(rate) && rate > 0, JSON.stringify(peak));
  }
  t.is(peak.int8Gops === null, peak.int8Code === null);
  t.true(peak.int8Gops === null || peak.int8Gops > 0);
  t.not(peak.fp32Code, '');
});

test.serial('the rates are those of a machine of this century', async (t) => {
  const { readGBs, fp32Gflops } = await measureMachinePeak({ threads: 1, seconds: 0.06 });
  // A loop that the compiler had left out would be faster than any core; one that it had not
  // vectorised would still do this much beside other work.
  t.true(readGBs > 0.2 && readGBs < 2000, String(readGBs));
  t.true(fp32Gflops > 0.2 && fp32Gflops < 2000, String(fp32Gflops));
});

test.serial('several at a time, and on more threads than there are CPUs', async (t) => {
  const threads = 2 * availableParallelism() + 1;
  const peaks = await Promise.all(
    [1, threads].map((n) => measureMachinePeak({ threads: n, seconds: 0.01 })),
  );
  t.true(peaks.every(({ copyGBs }) => copyGBs > 0));
});

test('what cannot be measured is refused', async (t) => {
  for (const options of [
    { threads: 0 },
    { threads: 1.5 },
    { threads: 1025 },
    { threads: 1, seconds: 0 },
    { threads: 1, seconds: NaN },
    { threads: 1, seconds: 61 },
  ]) {
    await t.throwsAsync(measureMachinePeak(options), { code: 'INVALID_OPTION' });
  }
});
