import test from 'ava';
import { benchSettings } from '#src/bench/options.js';
import { renderBench } from '#src/bench/page.js';
import { markdown, terminalLines } from '#src/bench/text.js';
import { gigaflopPerTile } from '#src/bench/work.js';
import { gpuWords, groupTables, pathsWords } from '#src/bench/words.js';
import { benchResults, madeTrial } from '../fixtures/bench/results.js';

test('a wrong, a missing and a failed trial have no speed in any table', (t) => {
  const results = benchResults();
  const [table] = groupTables(results, 'decode');
  const cells = (name: string): readonly string[] =>
    table?.rows.find(({ trial }) => trial.name === name)?.cells ?? [];
  t.deepEqual(cells('Fast & <wrong>').slice(1, 4), ['', '', '']);
  t.is(cells('Fast & <wrong>').at(-1), 'WRONG: its answer: within 0.5');
  t.is(cells('OpenCV').at(-1), 'missing: opencv-python-headless');
  t.is(cells('lungcls-fast, cv2').at(-1), 'the reference');
  t.deepEqual(cells('sharp').slice(1, 4), ['440', '436 to 444', '0.13 x']);
  for (const text of [terminalLines(results).join('\n'), markdown(results)])
    t.notRegex(text, /9000/);
  // The page says how fast it was nowhere either.
  t.notRegex(renderBench(results), /9000/);
});

test('the two paths are compared in a sentence, batch by batch', (t) => {
  t.deepEqual(
    pathsWords(benchResults(), 'session')[0],
    'batch 1, 2 threads: ONNX Runtime, fp32 is 1.86 times as fast as tfjs (tfjs-node)',
  );
  t.is(pathsWords(benchResults(), 'session').length, 6);
  t.deepEqual(pathsWords(benchResults(), 'decode'), []);
});

test('the terminal says what was compared, the stages with their bottleneck, and what was not measured', (t) => {
  const lines = terminalLines(benchResults()).join('\n');
  t.regex(lines, /2 cores of A processor \(avx2\), 16\.0 GiB, no GPU/);
  t.regex(lines, /7|5 rounds of about 1\.00 s/);
  t.regex(
    lines,
    /ONNX Runtime, int8: a tile takes read 0\.020 ms, .* network 9\.00 ms.*; the bottleneck: network/,
  );
  t.regex(lines, /Not measured: decode: OpenCV \(not installed: opencv-python-headless\)/);
  t.regex(lines, /No NVIDIA driver was found\./);
});

test('Markdown has every group, the limits and what was left out', (t) => {
  const text = markdown(benchResults());
  for (const heading of [
    '## decode',
    '### session, batch 32, 2 threads',
    '## The machine’s limits',
    '## Not measured',
  ]) {
    t.true(text.includes(`\n${heading}\n`), heading);
  }
  t.regex(text, /- memory, copied: not measured/);
  t.regex(text, /\| ONNX Runtime, fp32 \| 32\.0 \|.* 90 % of fp32 peak/);
});

test('a GPU is named with its copies and its use, or with why they are missing', (t) => {
  const { machine } = benchResults();
  const gpu = { name: 'H100', utilisation: 0.873, pinnedGBs: 52.34, pageableGBs: 11.2 };
  t.is(
    gpuWords({ ...machine, gpu, gpuNote: '' }),
    'H100; utilisation while it worked: 87 %; host to device: pinned 52.3 GB/s, pageable 11.2 GB/s',
  );
  const unmeasured = { name: 'H100', utilisation: null, pinnedGBs: null, pageableGBs: null };
  t.is(
    gpuWords({ ...machine, gpu: unmeasured, gpuNote: 'Because.' }),
    'H100; utilisation while it worked: not sampled; host to device: pinned not measured, pageable not measured. Because.',
  );
  t.is(gpuWords(machine), machine.gpuNote);
});

test('the page begins with what each workload is about: speed, the shortest wait, the least memory', (t) => {
  const trial = (workload: string, variant: string, rate: number, mebibytes: number) => ({
    ...madeTrial({ workload, variant, rate }),
    peakRssBytes: mebibytes * 2 ** 20,
  });
  const html = renderBench(
    benchResults({
      workloads: ['session', 'latency', 'memory'].map((name) => ({ name, what: '' })),
      trials: [
        ...[trial('session', 'slow', 10, 1), trial('session', 'quick', 20, 2)],
        ...[trial('latency', 'late', 40, 1), trial('latency', 'soon', 50, 2)],
        ...[trial('memory', 'large', 90, 1000), trial('memory', 'small', 80, 300)],
        { ...trial('memory', 'wrong', 80, 1), status: 'wrong' },
      ],
    }),
  );
  const figures = /<dl class="figures">.*?<\/dl>/s.exec(html)?.[0] ?? '';
  const words = figures.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
  t.regex(
    words,
    /session: the fastest 20\.0 tiles\/s, quick, .*latency: the shortest 21\.0 ms, p50, soon, /,
  );
  t.regex(words, /memory: the least 300 MiB at most, small, /);
});

test('names are escaped in the page', (t) => {
  const page = renderBench(benchResults());
  t.true(page.includes('Fast &amp; &lt;wrong&gt;'));
  t.false(page.includes('<wrong>'));
  t.notRegex(page.replace(/<script>[^]*<\/script>/, ''), /\bNaN\b|undefined/);
});

test('options: a short run by default, and numbers that follow from the duration', (t) => {
  const short = benchSettings({ output: 'x' });
  t.true(short.quick);
  t.deepEqual(short.suites, ['decode', 'session', 'end-to-end', 'latency']);
  t.deepEqual(short.batchSizes, [1, 8]);
  const long = benchSettings({ output: 'x', suites: ['memory', 'decode'], duration: 10 });
  t.false(long.quick);
  // In the order in which they run.
  t.deepEqual(long.suites, ['decode', 'memory']);
  t.is(long.rounds, 7);
  t.is(benchSettings({ output: 'x', duration: 0.3 }).rounds, 3);
  t.is(benchSettings({ output: 'x', suites: ['all'] }).suites.length, 7);
  for (const wrong of [
    { suites: ['fast'] },
    { suites: ['all', 'decode'] },
    { duration: 0 },
    { duration: NaN },
    { batchSizes: [] },
    { batchSizes: [0] },
    { threadCounts: [1.5] },
  ]) {
    t.throws(
      () => benchSettings({ output: 'x', ...wrong }),
      { code: 'INVALID_OPTION' },
      JSON.stringify(wrong),
    );
  }
});

test('the work of a tile is that of the recipe’s network', (t) => {
  // 2 x (3.27 G multiply-adds of the base + 38.6 M of the head).
  t.true(Math.abs(gigaflopPerTile() - 6.59) < 0.01);
  t.true(gigaflopPerTile(256, 'gap') < gigaflopPerTile());
  t.true(gigaflopPerTile(96) < gigaflopPerTile() / 5);
});
