import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { EarlyStopping, ReduceLrOnPlateau } from '#src/training/callbacks.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

interface Case {
  losses: number[];
  accuracies: number[];
  patienceStop: number;
  deltaStop: number;
  patienceLr: number;
  deltaLr: number;
  factor: number;
  cooldown: number;
  minLr: number;
  rates: number[];
  finalRate: number;
  ended: number | null;
  restored: number;
}

const { cases } = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/fixtures/training/callbacks.json'), 'utf8'),
) as { cases: Case[] };

for (const resumed of [false, true]) {
  test(`callbacks decide as those of Keras${resumed ? ', also when continued from their state' : ''}`, (t) => {
    t.true(cases.some((c) => c.ended !== null) && cases.some((c) => c.ended === null));
    for (const [n, c] of cases.entries()) {
      const reduceOptions = {
        patience: c.patienceLr,
        minDelta: c.deltaLr,
        factor: c.factor,
        cooldown: c.cooldown,
        minLearningRate: c.minLr,
      };
      const stopOptions = { patience: c.patienceStop, minDelta: c.deltaStop };
      let stopping = new EarlyStopping(stopOptions);
      let reduce = new ReduceLrOnPlateau(reduceOptions);
      let rate = Math.fround(0.001);
      const rates: number[] = [];
      let ended: number | null = null;
      for (let epoch = 1; epoch <= c.losses.length && ended === null; epoch++) {
        rates.push(rate);
        const { stop } = stopping.epochEnd(epoch, c.accuracies[epoch - 1] ?? NaN);
        rate = reduce.epochEnd(c.losses[epoch - 1] ?? NaN, rate);
        if (stop) ended = epoch;
        if (resumed) {
          stopping = new EarlyStopping(stopOptions, structuredClone(stopping.state));
          reduce = new ReduceLrOnPlateau(reduceOptions, structuredClone(reduce.state));
        }
      }
      t.deepEqual(
        { rates, rate, ended, restored: stopping.state.bestEpoch },
        { rates: c.rates, rate: c.finalRate, ended: c.ended, restored: c.restored },
        `case ${String(n)}`,
      );
    }
  });
}
