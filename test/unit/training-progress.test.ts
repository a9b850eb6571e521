/** Pace and time left of training, on a clock that the test moves. */
import test from 'ava';
import { ProgressMeter } from '#src/cli/progress-meter.js';
import type { Progress, TrainingProgress } from '#src/runtime/progress.js';
import { FitProgress } from '#src/training/fit-progress.js';

/** Batches of 100: 1,000 tiles at 10 ms to train on, 200 at 2 ms to validate, 3 s a checkpoint. */
const TRAIN = { tiles: 1000, seconds: 0.01 };
const VALIDATION = { tiles: 200, seconds: 0.002 };
const STORING = 3;
const EPOCH = 10 + 0.4 + STORING;

function simulate(options: { epochs: number; mayEndEarlier: boolean; begun?: number }): Progress[] {
  const { epochs, mayEndEarlier, begun = 0 } = options;
  const clock = { seconds: 5 };
  const reports: Progress[] = [];
  const progress = new FitProgress({
    epochs,
    mayEndEarlier,
    batchSize: 100,
    trainTiles: TRAIN.tiles,
    validationTiles: VALIDATION.tiles,
    onProgress: (report) => reports.push(report),
    now: () => 1000 * clock.seconds,
  });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    clock.seconds += 100; // What happens between epochs counts for none of them.
    const before = epoch === 1 ? begun : 0;
    progress.epochBegins(epoch, before);
    for (let batch = before; batch < 10; batch++) {
      clock.seconds += 100 * TRAIN.seconds;
      progress.trained(100, 0.5, 0.75);
    }
    for (let batch = 0; batch < 2; batch++) {
      clock.seconds += 100 * VALIDATION.seconds;
      progress.validated(100);
    }
    clock.seconds += STORING;
    progress.stored();
  }
  return reports;
}

function at(reports: Progress[], phase: string, epoch: number, batch: number): TrainingProgress {
  const found = reports.find(
    ({ training }) =>
      training?.phase === phase && training.epoch === epoch && training.batch === batch,
  )?.training;
  if (found === undefined)
    throw new Error(`no report of ${phase} ${String(epoch)} ${String(batch)}`);
  return found;
}

function near(t: { true: (value: boolean, message: string) => void }, found = NaN, expected = NaN) {
  t.true(Math.abs(found - expected) < 1e-9 * expected, `${String(found)}, not ${String(expected)}`);
}

test('the time left is that of the epoch and of the whole, validation and checkpoints included', (t) => {
  const reports = simulate({ epochs: 3, mayEndEarlier: true });
  const middle = at(reports, 'train', 2, 4);
  near(t, middle.tilesPerSecond, 100);
  near(t, middle.secondsLeftInEpoch, 6 + 0.4 + STORING);
  near(t, middle.secondsLeft, 6 + 0.4 + STORING + EPOCH);
  t.true(middle.mayEndEarlier);
  const validating = at(reports, 'validate', 2, 1);
  near(t, validating.tilesPerSecond, 500);
  near(t, validating.secondsLeftInEpoch, 0.2 + STORING);
  t.is(validating.batches, 2);
  const last = at(reports, 'train', 3, 9);
  t.is(last.secondsLeft, last.secondsLeftInEpoch);
  t.false(last.mayEndEarlier, 'in the last epoch there is nothing to end earlier');
  const { done, total, unit } = reports.at(-1) ?? {};
  t.deepEqual([done, total, unit], [30, 30, 'batches']);
});

test('until validation has been measured, a third of training is assumed', (t) => {
  const first = at(simulate({ epochs: 2, mayEndEarlier: false }), 'train', 1, 1);
  near(t, first.secondsLeftInEpoch, 9 + 2 / 3);
  near(t, first.secondsLeft, 9 + 2 / 3 + 10 + 2 / 3);
});

test('what an earlier process did is neither left to do nor counted as speed', (t) => {
  const first = at(simulate({ epochs: 1, mayEndEarlier: true, begun: 7 }), 'train', 1, 8);
  near(t, first.tilesPerSecond, 100);
  near(t, first.secondsLeftInEpoch, 2 + 2 / 3);
});

function line(training: Partial<TrainingProgress>, width?: number): string {
  const meter = new ProgressMeter(() => 0);
  meter.update({
    stage: 'train',
    done: 1,
    total: 2,
    unit: 'batches',
    training: {
      phase: 'train',
      epoch: 3,
      epochs: 10,
      batch: 64,
      batches: 188,
      loss: 0.12344,
      accuracy: 0.95666,
      tilesPerSecond: 1450,
      secondsLeftInEpoch: 5.44,
      secondsLeft: 62,
      mayEndEarlier: true,
      ...training,
    },
  });
  return meter.line(width);
}

test('the line says all of it, and on a narrow terminal what matters most', (t) => {
  t.is(
    line({}),
    'epoch 3/10  batch 64/188  loss 0.1234  accuracy 0.9567  1,450 tiles/s  5.4 s to its end  at most 1 min 02 s left',
  );
  t.is(
    line({}, 79),
    'epoch 3/10  64/188  loss 0.1234  acc 0.9567  1,450 tiles/s  at most 1 min 02 s',
  );
  t.is(line({}, 60), 'epoch 3/10  loss 0.1234  acc 0.9567  at most 1 min 02 s');
  t.is(line({}, 40), 'epoch 3/10  at most 1 min 02 s left');
  t.is(
    line({ phase: 'validate', epoch: 10, batch: 2, batches: 47, mayEndEarlier: false }, 99),
    'epoch 10/10  validating 2/47  loss 0.1234  accuracy 0.9567  1,450 tiles/s  1 min 02 s left',
  );
});
