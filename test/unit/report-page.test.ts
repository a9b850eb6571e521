import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { RESEARCH_NOTICE } from '#src/config.js';
import { estimateLeakage, type SampledLeakage } from '#src/dataset/leakage.js';
import { classificationReport } from '#src/evaluation/classification-report.js';
import { renderCurvesSvg } from '#src/report/curves.js';
import { renderReport, writeReport } from '#src/report/report.js';
import { DOMAIN } from '../fixtures/report/evaluation-data.js';
import { HOSTILE_NAME, history, plainPng, reportData } from '../fixtures/report/report-data.js';

/** The page without its constant style and script. */
function markupOf(page: string): string {
  return page.replace(/<(style|script)>[^]*?<\/\1>/g, '');
}

/** The text between the tags. */
function textOf(page: string): string {
  return markupOf(page)
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replace(/\s+/g, ' ');
}

test('tiles unlike those of training have a section, where the model can tell', (t) => {
  t.false(renderReport(reportData()).includes('Tiles unlike those of training'));
  const outside = { blank: 0, colour: 0, content: 0 };
  const none = { ...DOMAIN, outside, outsidePerClass: [0, 0, 0], accuracyOutside: null };
  const hostile = reportData({ classes: [HOSTILE_NAME, 'b', 'c'], domain: DOMAIN });
  const text = textOf(renderReport(reportData({ domain: none })));
  t.true(text.includes('Of 300 validation tiles 0 (0.00%) are unlike the tiles'));
  t.true(text.includes('n/a of them are right, of the others 96.5%'));
  t.true(
    text.includes('of 2,998 tiles held out in training, the ones of this page, 29 are outside'),
  );
  t.false(text.includes('By class:'));
  const page = renderReport({ ...hostile, domain: { ...DOMAIN, outsidePerClass: [47, 0, 0] } });
  t.false(page.includes(HOSTILE_NAME));
  t.true(textOf(page).includes('By class:'));
});

test('the numbers on the page are those of the data', (t) => {
  const data = reportData();
  const text = textOf(renderReport(data));
  for (const row of data.confusionMatrix) {
    const support = row.reduce((a, b) => a + b, 0);
    for (const count of row)
      t.true(text.includes(`${count} ${((100 * count) / support).toFixed(1)}%`));
  }
  for (const scores of data.classificationReport.perClass) {
    const line = [scores.precision, scores.recall, scores['f1-score']].map((x) => x.toFixed(4));
    const support = scores.support.toLocaleString('en-US');
    t.true(text.includes(`${scores.name} ${line.join(' ')} ${support}`));
  }
  for (const epoch of data.history) {
    const { loss, accuracy, valLoss, valAccuracy } = epoch;
    t.true(
      text.includes([loss, accuracy, valLoss, valAccuracy].map((x) => x.toFixed(4)).join(' ')),
    );
  }
  t.true(text.includes('97.57%'));
  t.true(text.includes('2,927 of 3,000 tiles right'));
  t.true(text.includes('47 tiles of lung_aca (4.7%) taken for lung_scc'));
  t.true(text.includes('11,998 tiles (80.0%)'));
  for (const { value } of data.hashes) t.true(text.includes(value));
  t.true(text.includes('at most 2.4e-7'));
});

test('scikit-learn’s text stands there to the last space', (t) => {
  const data = reportData();
  t.true(renderReport(data).includes(`<pre>${data.classificationReport.text}</pre>`));
});

test('it says what it is not for, and what a random split means', (t) => {
  const random = renderReport(reportData());
  t.true(random.includes(RESEARCH_NOTICE));
  t.true(random.includes('upper bound'));
  const split = { ...reportData().split, kind: 'grouped' as const, note: 'A <note>.' };
  const grouped = renderReport(reportData({ split }));
  t.false(grouped.includes('upper bound'));
  t.true(grouped.includes('A &lt;note&gt;.'));
});

test('it says what of the validation part leaks', (t) => {
  const split = {
    ...reportData().split,
    validationPerClass: [1000, 1020, 980],
    groups: { from: 'store/groups.csv', count: 743, unknownTiles: 4998 },
    leakage: { tiles: 2950, share: 2950 / 3000, groups: 740, unknown: 980 },
  };
  const leaky = textOf(renderReport(reportData({ split })));
  t.true(leaky.includes('2,950 of 3,000 validation tiles (98.3%) have a sibling in training'));
  t.true(leaky.includes('upper bound'));
  t.true(leaky.includes('lung_aca 1,020 20.4%'));
  const leakage = { tiles: 0, share: 0, groups: 0, unknown: 980 };
  const part = textOf(renderReport(reportData({ split: { ...split, kind: 'grouped', leakage } })));
  t.true(part.includes('upper bound. Of 980 validation tiles it is not known'));
  const none = { ...leakage, unknown: 0 };
  const kept = renderReport(reportData({ split: { ...split, kind: 'grouped', leakage: none } }));
  t.false(kept.includes('upper bound'));
});

test('without groups it says what a sample of the validation part leaks', (t) => {
  const { split } = reportData();
  const page = (sampledLeakage: SampledLeakage): string =>
    textOf(renderReport(reportData({ split: { ...split, sampledLeakage } })));
  const leaky = page(estimateLeakage(99, 100, 12_000));
  t.true(
    leaky.includes(
      '99 of 100 validation tiles looked at (99.0%; 95% interval 94.6% to 99.8%) have a copy among 12,000 training tiles',
    ),
  );
  t.true(leaky.includes('trained on copies of 99 of 100 validation tiles looked at'));
  const none = page(estimateLeakage(0, 100, 12_000));
  t.true(none.includes('none has a copy in training: fewer than 3.7% of all are likely'));
  t.true(none.includes('upper bound'));
});

test('other splits of the same tiles stand side by side', (t) => {
  t.false(renderReport(reportData()).includes('further-splits'));
  const scores = { logLoss: 0.1, macroF1: 0.9, bestEpoch: 2, stopReason: 'all epochs done' };
  const random = { ...scores, split: reportData().split, accuracy: 0.976 };
  const grouped = {
    ...scores,
    accuracy: 0.912,
    split: {
      ...reportData().split,
      kind: 'grouped' as const,
      leakage: { tiles: 0, share: 0, groups: 0, unknown: 0 },
    },
  };
  const text = textOf(
    renderReport(
      reportData({
        comparison: [random, grouped],
        crossValidation: {
          ...{ kind: 'grouped', seed: 2022, folds: [grouped, grouped] },
          ...{ meanAccuracy: 0.9123, standardDeviation: 0.0045 },
          ...{ pooledAccuracy: 0.9111, pooledLogLoss: 0.3 },
        },
      }),
    ),
  );
  t.true(text.includes('Random 97.60% 0.1000 0.9000 11,998 3,000 not known 2'));
  t.true(text.includes('Grouped 91.20% 0.1000 0.9000 11,998 3,000 0.0% 2'));
  t.true(text.includes('6.4 points above'));
  t.true(text.includes('that is the figure to quote'));
  const leakage = { tiles: 0, share: 0, groups: 0, unknown: 980 };
  const part = { ...grouped, split: { ...grouped.split, leakage } };
  const partly = textOf(renderReport(reportData({ comparison: [random, part] })));
  t.false(partly.includes('that is the figure to quote'));
  t.true(partly.includes('an upper bound too: 980 of its validation tiles stand in no group'));
  t.regex(
    text,
    /Accuracy 91\.23% with a standard deviation of 0\.45 points .* StratifiedGroupKFold/,
  );
});

test('no name breaks out of its place', (t) => {
  const plain = renderReport(reportData());
  const data = reportData({ classes: [HOSTILE_NAME, 'lung_aca', HOSTILE_NAME.repeat(2)] });
  const page = renderReport({
    ...data,
    title: HOSTILE_NAME,
    toolVersion: HOSTILE_NAME,
    stopReason: HOSTILE_NAME,
    settings: { [HOSTILE_NAME]: HOSTILE_NAME },
    store: { ...data.store, path: HOSTILE_NAME, resize: HOSTILE_NAME, fingerprint: HOSTILE_NAME },
    base: { ...data.base, name: HOSTILE_NAME, source: HOSTILE_NAME, licence: HOSTILE_NAME },
    runsOn: { ...data.runsOn, tensorflow: HOSTILE_NAME, onnxRuntime: HOSTILE_NAME },
    times: [{ step: HOSTILE_NAME, seconds: 1 }],
    hashes: [{ name: HOSTILE_NAME, value: HOSTILE_NAME }],
  });
  t.false(page.includes('<img src=x'));
  t.false(page.includes('\u0000'));
  t.false(/\p{Surrogate}/u.test(page));
  for (const tag of ['script', 'img', 'style', 'meta']) {
    t.is(page.split(`<${tag}`).length, plain.split(`<${tag}`).length, tag);
  }
});

test('the page asks for nothing from outside', (t) => {
  const page = renderReport(reportData());
  t.notRegex(page, /https?:|\/\/[a-z]|url\(|@import|srcset|<(iframe|object|embed|base|form)\b/i);
  const sources = [...page.matchAll(/\s(?:src|href)="([^"]*)"/g)].map((match) => match[1] ?? '');
  t.true(sources.length > 9);
  for (const source of sources) t.regex(source, /^(data:|#)/);
  t.notRegex(page, /\sstyle="|\son[a-z]+="/);
});

test('the policy allows the page’s own style and script by their hashes, and nothing else', (t) => {
  const page = renderReport(reportData());
  const policy = /Content-Security-Policy"\s+content="([^"]*)"/.exec(page)?.[1] ?? '';
  t.true(policy.startsWith('default-src &#39;none&#39;; img-src data:; '));
  for (const tag of ['style', 'script']) {
    const text = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(text).digest('base64');
    t.true(text.length > 100 && policy.includes(`${tag}-src &#39;sha256-${hash}&#39;`), tag);
  }
});

test('one epoch, many epochs, no epoch and values that are no numbers can be shown', (t) => {
  for (const epochs of [1, 2, 300]) {
    const page = renderReport(reportData({ history: history(epochs), bestEpoch: 1 }));
    t.is(page.split('class="hit"').length - 1, 2 * epochs);
    t.notRegex(markupOf(page), /NaN|Infinity|undefined/);
    t.is(page.includes('type="range"'), epochs > 1);
  }
  const [first] = history(1);
  const broken = renderReport(
    reportData({
      history: first === undefined ? [] : [{ ...first, loss: NaN, valLoss: Infinity }],
    }),
  );
  t.notRegex(markupOf(broken), /NaN|Infinity|undefined/);
  t.true(renderReport(reportData({ history: [] })).includes('No epoch was trained'));
});

test('an empty class and an empty store can be shown', (t) => {
  const matrix = [
    [5, 0],
    [0, 0],
  ];
  const data = reportData({ classes: ['a', 'b'], confusionMatrix: matrix, samples: [], times: [] });
  const page = renderReport({ ...data, store: { ...data.store, tiles: 0, perClass: [0, 0] } });
  t.notRegex(markupOf(page), /NaN|Infinity|undefined/);
  t.false(page.includes('id="samples"'));
});

test('too many pictures are left out evenly, and it says so; the file stays under 5 MB', (t) => {
  const samples = [0, 1, 2].flatMap((label) =>
    Array.from({ length: 10 }, (_, i) => ({
      label,
      path: `class${label}/tile${i}.png`,
      mediaType: 'image/png' as const,
      data: new Uint8Array(190_000),
    })),
  );
  const page = renderReport(reportData({ samples }));
  t.true(Buffer.byteLength(page) < 5e6);
  const shown = page.split('<img ').length - 1;
  t.is(shown, 14);
  t.true(textOf(page).includes(`${30 - shown} more would make this file too large`));
  t.regex(page, /tile3\.png/);
  t.notRegex(page, /tile5\.png/);
});

test('a hundred classes give a readable and small page', (t) => {
  const classes = Array.from({ length: 100 }, (_, i) => `class ${i}`);
  const confusionMatrix = classes.map((_, i) =>
    classes.map((__, j) => (i === j ? 90 : i < j ? 1 : 0)),
  );
  const samples = classes.flatMap((_, label) =>
    [1, 2].map((i) => ({
      label,
      path: `tile-${label}-${i}.png`,
      mediaType: 'image/png' as const,
      data: new Uint8Array(100),
    })),
  );
  const data = reportData({ classes, confusionMatrix, samples });
  const page = renderReport({
    ...data,
    store: { ...data.store, perClass: classes.map((_, i) => 500 + i) },
    classificationReport: { ...classificationReport(confusionMatrix, classes), text: '' },
  });
  t.true(page.length < 1e6);
  const text = textOf(page);
  t.true(text.includes('most frequent confusions'));
  t.is(page.split('<img ').length - 1, 100, 'a picture a class, under its name');
  t.true(page.includes('tile-99-1.png') && !page.includes('tile-99-2.png'));
  t.true(text.includes('Tiles of each class: 500 to 599'));
  t.true(text.includes('The 10 classes with the lowest F1'));
  const worst = page.indexOf('The classes with the lowest F1');
  const all = page.indexOf('All 100 classes');
  t.true(worst > 0 && all > worst);
  t.is(page.slice(worst, all).split('<th scope="row">').length - 1, 10 + 3);
});

test('of very many failed files the first are listed and the rest counted', (t) => {
  const { store } = reportData();
  const failures = Array.from({ length: 80 }, (_, i) => ({
    path: `f${i}.jpeg`,
    status: 'IMAGE_EMPTY',
  }));
  const page = renderReport(reportData({ store: { ...store, failed: 1234, failures } }));
  t.true(page.includes('f49.jpeg') && !page.includes('f50.jpeg'));
  t.true(textOf(page).includes('1,184 further files'));
});

test('a curve is broken where a value is missing', (t) => {
  const svg = renderCurvesSvg({
    id: 'c',
    title: 'T',
    description: 'D',
    xLabel: 'x',
    yLabel: 'y',
    x: [1, 2, 3, 4],
    curves: [{ name: 'a', values: [1, 2, NaN, 4] }],
    format: String,
    formatTick: String,
  });
  t.is(/class="line" d="([^"]*)"/.exec(svg)?.[1]?.replace(/[^ML]/g, ''), 'MLM');
  t.is(svg.split('class="marker"').length - 1, 3);
});

test('the file is written whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-report-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'report.html');
  const data = reportData();
  await writeReport(path, data);
  t.is(await readFile(path, 'utf8'), renderReport(data));
  t.deepEqual(await readdir(folder), ['report.html']);
  await t.throwsAsync(writeReport(join(folder, 'none', 'report.html'), data), {
    code: 'OUTPUT_UNWRITABLE',
  });
});

test('the fixture’s pictures are pictures', (t) => {
  t.is(plainPng(4, [1, 2, 3]).subarray(1, 4).toString(), 'PNG');
});
