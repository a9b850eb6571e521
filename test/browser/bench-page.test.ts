/// <reference lib="dom" />
import type { ExecutionContext } from 'ava';
import type { BrowserContextOptions } from 'playwright-core';
import { renderBench } from '#src/bench/page.js';
import { pageTests, type OpenedPage } from '../fixtures/browser-page.js';
import { benchResults } from '../fixtures/bench/results.js';

const { run, open: openPage } = pageTests();

function open(t: ExecutionContext, options?: BrowserContextOptions): Promise<OpenedPage> {
  return openPage(t, renderBench(benchResults()), options);
}

const SCREENS = [
  ['desktop', { viewport: { width: 1280, height: 900 } }],
  ['phone', { viewport: { width: 360, height: 780 } }],
] as const;

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [screen, options] of SCREENS) {
    run(
      `the bench is quiet, complete and not wider than a ${screen}, ${colorScheme}`,
      async (t) => {
        const opened = await open(t, { ...options, colorScheme });
        const facts = await opened.page.evaluate(() => ({
          wider: document.documentElement.scrollWidth - innerWidth,
          background: getComputedStyle(document.body).backgroundColor,
          headings: [...document.querySelectorAll('h2')].map((e) => e.textContent),
          duplicateIds: [...document.querySelectorAll('[id]')].filter(
            ({ id }) => document.querySelectorAll(`#${id}`).length > 1,
          ).length,
          // A bar that begins or ends outside of its picture is cut off.
          cut: [...document.querySelectorAll<SVGRectElement>('.bars .bar')].filter((bar) => {
            const [own, all] = [bar, bar.ownerSVGElement].map((e) => e?.getBoundingClientRect());
            return (
              own === undefined ||
              all === undefined ||
              own.left < all.left - 1 ||
              own.right > all.right + 1
            );
          }).length,
        }));
        t.true(facts.wider <= 0);
        t.is(facts.background, colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(18, 22, 27)');
        t.deepEqual(facts.headings, [
          'decode',
          'session',
          'end-to-end',
          'Beside the machine’s limits',
          'Machine, versions, what was left out',
        ]);
        t.is(facts.duplicateIds, 0);
        t.is(facts.cut, 0);
        t.deepEqual(opened.complaints, []);
        t.deepEqual(opened.requests, [opened.url]);
      },
    );
  }
}

run('throughput by batch size is read out by keyboard', async (t) => {
  const { page, complaints } = await open(t);
  const figure = page.locator('#session-batches');
  const readout = figure.locator('.readout');
  t.is(
    await readout.textContent(),
    'Batch size 32: ONNX Runtime, fp32 32.0, ONNX Runtime, fp16 30.0, ONNX Runtime, int8 112, tfjs (tfjs-node) 19.0',
  );
  await page.getByRole('slider', { name: 'Show a batch size' }).focus();
  await page.keyboard.press('Home');
  t.regex((await readout.textContent()) ?? '', /^Batch size 1: /);
  // On a logarithmic axis 1, 8 and 32 are 3 and 2 doublings apart.
  const places = await figure
    .locator('.hit')
    .evaluateAll((hits) => hits.map((hit) => Number(hit.getAttribute('data-x'))));
  const [first = 0, second = 0, third = 0] = places;
  t.true(Math.abs((second - first) / (third - second) - 1.5) < 0.01);
  t.deepEqual(complaints, []);
});

run('bars are as long as their figures, and stages follow one another', async (t) => {
  const { page } = await open(t, { viewport: { width: 1280, height: 900 } });
  const widths = async (name: RegExp): Promise<{ x: number; width: number }[]> =>
    await page
      .getByRole('img', { name })
      .locator('.bar')
      .evaluateAll((bars) =>
        bars.map((bar) => ({
          x: Number(bar.getAttribute('x')),
          width: Number(bar.getAttribute('width')),
        })),
      );
  const [ours, sharp] = await widths(/^Tiles a second: decode, 2 threads/);
  t.true(Math.abs((ours?.width ?? 0) / (sharp?.width ?? 1) - 3400 / 440) < 0.1);
  const stages = await widths(/^Where the time of a tile goes: end-to-end, ONNX Runtime, int8/);
  t.is(stages.length, 5);
  const [, , network, write, together] = stages;
  t.true(Math.abs((network?.x ?? 0) + (network?.width ?? 0) - (write?.x ?? 0)) < 1);
  // 10 ms in the whole beside 9 ms of the network.
  t.true(Math.abs((together?.width ?? 0) / (network?.width ?? 1) - 10 / 9) < 0.02);
});

run('a wrong answer is told at the top, and has no bar', async (t) => {
  const { page } = await open(t);
  t.regex(
    (await page.locator('.caution').textContent()) ?? '',
    /1 of 18 trials have no figure:.*Fast & <wrong>/s,
  );
  const chart = page.getByRole('img', { name: /^Tiles a second: decode, 2 threads/ });
  t.is(await chart.locator('.bar').count(), 2);
  t.is(await page.locator('td.verdict-wrong').count(), 1);
});

run('tables, charts and sections have names for a screen reader', async (t) => {
  const { page } = await open(t);
  t.is(
    await page
      .getByRole('img', { name: 'Shares of what the machine can do: multiply-adds in float32' })
      .count(),
    1,
  );
  t.is(await page.getByRole('table', { name: 'session, batch 8, 2 threads' }).count(), 1);
  t.true((await page.getByRole('columnheader', { name: 'tiles/s' }).count()) > 3);
  t.is(await page.getByRole('rowheader', { name: 'lungcls-fast, cv2' }).count(), 1);
  t.is(await page.getByRole('region', { name: 'decode' }).count(), 1);
});
