/// <reference lib="dom" />
/** The report of an evaluation, and the calibration section of both kinds, in a real browser. */
import { renderEvaluation, renderReport } from '#src/report/report.js';
import { pageTests } from '../fixtures/browser-page.js';
import { calibration, evaluationData } from '../fixtures/report/evaluation-data.js';
import { HOSTILE_NAME, reportData, scores } from '../fixtures/report/report-data.js';

const { run, open } = pageTests();

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 360]) {
    run(
      `an evaluation is quiet and not wider than ${String(width)} pixels, ${colorScheme}`,
      async (t) => {
        const html = renderEvaluation(await evaluationData());
        const options = { colorScheme, viewport: { width, height: 800 } };
        const { page, complaints } = await open(t, html, options);
        const facts = await page.evaluate(() => ({
          wider: document.documentElement.scrollWidth - innerWidth,
          headings: [...document.querySelectorAll('h2')].map((e) => e.textContent),
          broken: [...document.images].filter(({ naturalWidth }) => naturalWidth === 0).length,
          unnamed: [...document.images].filter(({ alt }) => alt === '').length,
          duplicateIds: [...document.querySelectorAll('[id]')].filter(
            ({ id }) => document.querySelectorAll(`#${id}`).length > 1,
          ).length,
        }));
        t.deepEqual(facts, {
          wider: 0,
          headings: [
            ...['Model', 'Data', 'Sample tiles', 'Confusion matrix', 'Tiles to look at'],
            ...['Classification report', 'Scores with 95% intervals'],
            ...['ROC and precision-recall curves', 'Calibration', 'Threshold explorer'],
            'Tiles unlike those of training',
            ...['Settings', 'Machine and times', 'Versions and hashes'],
          ],
          broken: 0,
          unnamed: 0,
          duplicateIds: 0,
        });
        t.deepEqual(complaints, []);
      },
    );
  }
}

run('it says what was judged, and never speaks of validation', async (t) => {
  const { page } = await open(t, renderEvaluation(await evaluationData()));
  const text = (await page.locator('body').innerText()).replaceAll(/\s+/g, ' ');
  t.true(text.includes('17, from patients.csv'));
  t.true(text.includes('Grouped split, seed 2022'));
  t.true(text.includes('After temperature scaling (1.432), as predict gives them'));
  t.true(text.includes('All other probabilities on this page are those after it'));
  t.false(/validation tile|kept epoch|These scores flatter/i.test(text));
  const domain = (await page.locator('#domain').innerText()).replaceAll(/\s+/g, ' ');
  t.true(domain.includes('Of 300 tiles 47 (15.67%) are unlike the tiles'));
  t.true(domain.includes('43.2% of them are right, of the others 96.5%'));
  t.true(domain.includes('of 2,998 tiles held out in training 29 are outside'));
  t.regex(domain, /blank .* 2 0\.67% colour .* 41 13\.67% content .* 4 1\.33%/);
  t.true(domain.includes('By class: lung_aca 45, lung_scc 2.'));
  const folded = page.locator('#model details');
  await folded.locator('summary').click();
  t.true((await folded.innerText()).includes('0.9714'));
});

run('the store that it was trained on is told', async (t) => {
  const data = await evaluationData();
  const model = { ...data.model, sameStore: true };
  const { page } = await open(t, renderEvaluation({ ...data, model }));
  t.true((await page.locator('#model').innerText()).includes('These scores flatter.'));
  await page.getByRole('link', { name: 'it was trained on them' }).click();
  t.regex(page.url(), /#model$/);
});

run('before and after stand side by side, and the bins are read out', async (t) => {
  const data = reportData({ scores: await scores(['lung_n', 'lung_aca', 'lung_scc']) });
  const html = renderReport({ ...data, calibration: await calibration() });
  const { page, complaints } = await open(t, html);
  const section = page.locator('#calibration');
  const text = (await section.innerText()).replaceAll(/\s+/g, ' ');
  t.true(text.includes('divides the logits by 1.432'));
  t.true(text.includes('2,400 training tiles, held back (groups kept whole)'));
  // 0.9 promised, 0.8 right.
  t.regex(text, /Expected calibration error 0\.1000 \(\d\.\d{4} to \d\.\d{4}\) 0\.\d{4}/);
  t.regex(
    text,
    /\u2212\d\.\d{4} \(\u2212\d\.\d{4} to \u2212\d\.\d{4}\)/,
    'a fall, with minus signs',
  );
  const readout = section.locator('.readout');
  const slider = page.getByRole('slider', { name: 'Show a bin' });
  await slider.focus();
  // The 14th of 15 bins holds 0.9.
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  t.is(
    await readout.textContent(),
    'Largest probability, middle of the bin 0.9: before scaling 80.0%, after scaling n/a, promised 90.0%',
  );
  t.deepEqual(complaints, []);
});

run(
  'copies that were kept apart for the temperature alone, and those that were not, are told',
  async (t) => {
    const leaky = reportData({
      scores: await scores(['lung_n', 'lung_aca', 'lung_scc']),
      split: {
        ...reportData().split,
        leakage: { tiles: 2900, share: 0.97, groups: 700, unknown: 0 },
      },
    });
    const apart = await open(t, renderReport({ ...leaky, calibration: await calibration() }));
    t.true(
      (await apart.page.locator('#calibration').innerText()).includes('meant for new originals'),
    );
    const alone = await calibration({ heldBack: 'tiles' });
    const mixed = await open(t, renderReport({ ...leaky, calibration: alone }));
    t.true((await mixed.page.locator('#calibration').innerText()).includes('Then it is too low'));
  },
);

run('hostile names in an evaluation are shown, not run', async (t) => {
  const data = await evaluationData();
  const html = renderEvaluation({
    ...data,
    title: HOSTILE_NAME,
    model: {
      ...data.model,
      path: HOSTILE_NAME,
      training: { [HOSTILE_NAME]: HOSTILE_NAME },
      metrics: {},
    },
    groups: { from: HOSTILE_NAME, count: 1, unknownTiles: 0 },
  });
  const { page, complaints } = await open(t, html);
  t.true(((await page.locator('h1').textContent()) ?? '').startsWith('</script><img src=x'));
  t.deepEqual(complaints, []);
});
