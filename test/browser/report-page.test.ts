/// <reference lib="dom" />
import type { ExecutionContext } from 'ava';
import type { BrowserContextOptions } from 'playwright-core';
import type { ReportData } from '#src/report/data.js';
import { renderReport } from '#src/report/report.js';
import { pageTests, type OpenedPage } from '../fixtures/browser-page.js';
import {
  HOSTILE_NAME,
  history,
  plainPng,
  reportData,
  scores,
} from '../fixtures/report/report-data.js';

const { run, open: openPage } = pageTests();

function open(
  t: ExecutionContext,
  data: ReportData,
  options?: BrowserContextOptions,
): Promise<OpenedPage> {
  return openPage(t, renderReport(data), options);
}

const SCREENS = [
  ['desktop', { viewport: { width: 1280, height: 900 } }],
  ['phone', { viewport: { width: 360, height: 780 } }],
] as const;

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [screen, options] of SCREENS) {
    run(`the page is quiet, complete and not wider than a ${screen}, ${colorScheme}`, async (t) => {
      const opened = await open(t, reportData(), { ...options, colorScheme });
      const { page } = opened;
      const facts = await page.evaluate(() => ({
        wider: document.documentElement.scrollWidth - innerWidth,
        pictures: [...document.images].map(({ naturalWidth }) => naturalWidth),
        background: getComputedStyle(document.body).backgroundColor,
        readouts: [...document.querySelectorAll('.readout')].map((e) => e.textContent),
        headings: [...document.querySelectorAll('h2')].map((e) => e.textContent),
        duplicateIds: [...document.querySelectorAll('[id]')].filter(
          ({ id }) => document.querySelectorAll(`#${id}`).length > 1,
        ).length,
      }));
      t.true(facts.wider <= 0);
      t.deepEqual(facts.pictures, Array<number>(9).fill(64));
      t.is(facts.background, colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(18, 22, 27)');
      t.is(facts.readouts[0], 'Epoch 3: training 97.21%, validation 97.14%');
      t.deepEqual(facts.headings, [
        'Data',
        'Sample tiles',
        'Split',
        'Training',
        'Confusion matrix',
        'Classification report',
        'Settings',
        'Machine and times',
        'Versions and hashes',
      ]);
      t.is(facts.duplicateIds, 0);
      t.deepEqual(opened.complaints, []);
      t.deepEqual(opened.requests, [opened.url]);
    });
  }
}

run('the confusion matrix shows the counts, and colours them', async (t) => {
  const data = reportData();
  const { page } = await open(t, data);
  const counts = await page.locator('.matrix .hit-or-miss strong').allTextContents();
  t.deepEqual(counts.map(Number), data.confusionMatrix.flat());
  const colors = await page
    .locator('.matrix .hit-or-miss')
    .evaluateAll((cells) => cells.map((cell) => getComputedStyle(cell).backgroundColor));
  t.is(new Set([colors[0], colors[1], colors[5]]).size, 3);
});

run(
  'pointing at an epoch, or moving the slider by keyboard, shows its values in both charts',
  async (t) => {
    const { page, complaints } = await open(t, reportData(), {
      viewport: { width: 1280, height: 900 },
    });
    const readouts = page.locator('.readout');
    await page.locator('.chart').first().locator('.hit').nth(1).hover();
    t.deepEqual(await readouts.allTextContents(), [
      'Epoch 2: training 95.81%, validation 96.72%',
      'Epoch 2: training 0.1272, validation 0.0961',
    ]);
    t.is(await page.locator('.marker.at').count(), 4);
    t.is(await page.locator('line.cursor[visibility=visible]').count(), 2);
    const slider = page.getByRole('slider');
    t.is(await slider.inputValue(), '2');
    await slider.focus();
    await page.keyboard.press('End');
    t.regex((await readouts.first().textContent()) ?? '', /^Epoch 5: /);
    t.regex((await slider.getAttribute('aria-valuetext')) ?? '', /^Epoch 5: .*; Epoch 5: /);
    t.deepEqual(complaints, []);
  },
);

run('everything that can be used is reached by Tab, in order, and is named', async (t) => {
  const { page } = await open(t, reportData());
  const reached: string[] = [];
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    const text = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === null || e === document.body) return '';
      const outline = getComputedStyle(e).outlineStyle;
      const label = e.getAttribute('aria-label') ?? e.textContent;
      return `${e.tagName} ${e.id || label.trim()} ${outline}`;
    });
    if (text === '') break;
    reached.push(text);
  }
  t.is(reached[0], 'A Skip to the content solid');
  t.true(reached.includes('A Confusion matrix solid'));
  t.true(reached.includes('INPUT curves-figure-picker solid'));
  t.true(reached.includes('SUMMARY As scikit-learn prints it solid'));
  t.true(
    reached.every((entry) => entry.endsWith(' solid')),
    reached.join('\n'),
  );
});

run('headings, tables and pictures have names for a screen reader', async (t) => {
  const { page } = await open(t, reportData());
  t.is(await page.getByRole('heading', { level: 1 }).textContent(), 'Lung tiles');
  t.is(
    await page.getByRole('img', { name: 'Accuracy of training and validation by epoch' }).count(),
    1,
  );
  t.is(
    await page.getByRole('img', { name: 'Sample tile of class lung_aca, tile17.jpeg' }).count(),
    1,
  );
  t.is(await page.getByRole('region', { name: 'Training', exact: true }).count(), 1);
  t.is(await page.getByRole('rowheader', { name: 'true lung_scc' }).count(), 1);
  t.is(await page.getByRole('columnheader', { name: 'given lung_scc' }).count(), 1);
});

run('hostile names are shown, not run', async (t) => {
  const data = reportData({ classes: [HOSTILE_NAME, 'b', 'c'], title: HOSTILE_NAME });
  const { page, complaints, requests } = await open(t, data);
  t.true(((await page.locator('h1').textContent()) ?? '').startsWith('</script><img src=x'));
  t.is(
    await page.locator('.matrix thead th').first().textContent(),
    `given ${await page.locator('h1').textContent()}`,
  );
  t.deepEqual(complaints, []);
  t.is(requests.length, 1);
});

run('one epoch needs no slider and shows its points', async (t) => {
  const { page, complaints } = await open(t, reportData({ history: history(1), bestEpoch: 1 }));
  t.is(await page.getByRole('slider').count(), 0);
  t.is(await page.locator('.chart .marker').count(), 4);
  await page.locator('.hit').first().hover();
  t.deepEqual(complaints, []);
});

run('a print is light, holds what is folded away, and has pages', async (t) => {
  const { page } = await open(t, reportData(), { colorScheme: 'dark' });
  const pdf = await page.pdf({ preferCSSPageSize: true });
  t.is(pdf.subarray(0, 5).toString(), '%PDF-');
  const pages = Number(/\/Type \/Pages[^]*?\/Count (\d+)/.exec(pdf.toString('latin1'))?.[1]);
  t.true(pages >= 2 && pages <= 8, `${pages} pages`);
  t.is(await page.locator('details:not([open])').count(), 0);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  t.is(
    await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    'rgb(255, 255, 255)',
  );
  t.false(await page.locator('.picker').isVisible());
  t.true(await page.locator('pre').isVisible());
});

run('without scripts the page says the same', async (t) => {
  const { page } = await open(t, reportData(), { javaScriptEnabled: false });
  t.is(
    await page.locator('.readout').first().textContent(),
    'Epoch 3: training 97.21%, validation 97.14%',
  );
  t.is(
    await page.locator('.hit title').first().textContent(),
    'Epoch 1: training 91.62%, validation 96.30%',
  );
  t.false(await page.locator('.picker').isVisible());
});

run(
  'curves of the scores are read out by pointer and keyboard, each figure by itself',
  async (t) => {
    const data = reportData();
    const { page, complaints } = await open(t, { ...data, scores: await scores(data.classes) });
    t.is(await page.getByRole('slider').count(), 5);
    const roc = page.locator('#roc-figure');
    t.regex(
      (await roc.locator('.readout').textContent()) ?? '',
      /^False positive rate 0.05: lung_n /,
    );
    await roc.locator('.hit').nth(50).hover();
    t.regex((await roc.locator('.readout').textContent()) ?? '', /^False positive rate 0.5: /);
    const threshold = page.getByRole('slider', { name: 'Show a threshold' });
    await threshold.focus();
    await page.keyboard.press('Home');
    const readout = page.locator('#threshold-figure .readout');
    // At 0 every tile keeps its label, and every 17th of the 300 is wrong.
    t.is(await readout.textContent(), 'Threshold 0: right 94.0%, kept 100.0%');
    await page.keyboard.press('End');
    t.is(await readout.textContent(), 'Threshold 1: right n/a, kept 0.0%');
    t.regex((await roc.locator('.readout').textContent()) ?? '', /^False positive rate 0.5: /);
    t.is(
      await page.getByRole('row', { name: /^Accuracy 0\.9400 \(0\.\d{4} to 0\.\d{4}\)/ }).count(),
      1,
    );
    t.deepEqual(complaints, []);
  },
);

run('with scores too the page fits a phone and has no id twice', async (t) => {
  const classes = ['lung_n', 'lung_aca', 'lung_scc'];
  const data = reportData({ classes, scores: await scores(classes) });
  const { page } = await open(t, data, { viewport: { width: 360, height: 780 } });
  const facts = await page.evaluate(() => ({
    wider: document.documentElement.scrollWidth - innerWidth,
    duplicateIds: [...document.querySelectorAll('[id]')].filter(
      ({ id }) => document.querySelectorAll(`#${id}`).length > 1,
    ).length,
  }));
  t.deepEqual(facts, { wider: 0, duplicateIds: 0 });
});

run('a number of the confusion matrix leads to tiles of its cell', async (t) => {
  const picture = plainPng(16, [200, 160, 220]);
  const example = {
    path: 'lung_aca/lungaca9.jpeg',
    confidence: 0.87,
    tile: picture,
    heat: picture,
  };
  const examples = [
    { ...example, truth: 1, predicted: 2 },
    { ...example, truth: 0, predicted: 0 },
  ];
  const { page, complaints } = await open(t, reportData({ examples }));
  t.is(await page.locator('.matrix a').count(), 2);
  await page.locator('.matrix').getByRole('link', { name: '47' }).click();
  t.regex(page.url(), /#tiles-1-2$/);
  const cell = page.locator('#tiles-1-2');
  t.true(await cell.isVisible());
  t.regex(
    (await cell.textContent()) ?? '',
    /True lung_aca, given lung_scc: 1 of 47 tiles\s+lungaca9.jpeg\s*87.0% sure/,
  );
  t.is(
    await page.getByRole('img', { name: 'The same tile with what spoke for lung_scc' }).count(),
    1,
  );
  t.deepEqual(complaints, []);
});
