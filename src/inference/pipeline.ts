/**
 * The bounded pipeline. Three things happen at once: the native threads decode the next batches, the
 * session runs one, the rows of the one before are written. Each waits for the slowest.
 */
import { throwIfAborted } from '../runtime/abort.js';
import type { Classifier, TileJudgements } from './classifier.js';
import type { ResultSink } from './result-file.js';
import type { ResultLayout } from './result-columns.js';
import { STATUS_OK, type ResultCounts } from './results.js';
import type { InputBatch } from './tile-input.js';

interface RunningBatch {
  readonly paths: readonly string[];
  readonly rows: readonly number[];
  readonly statuses: readonly string[];
  readonly states: BigUint64Array;
  readonly judgements: Promise<TileJudgements | undefined>;
}

export interface PipelineOptions {
  batches: AsyncIterable<InputBatch>;
  classifier: Classifier;
  layout: ResultLayout;
  sink: ResultSink;
  counts: ResultCounts;
  /** Called after every batch written. */
  onBatch: () => void;
  signal: AbortSignal | undefined;
}

/** Runs every batch and appends its rows, in order. @throws LungclsError ABORTED, and the sink's */
export async function runPipeline(options: PipelineOptions): Promise<void> {
  const { batches, classifier, signal } = options;
  const running: RunningBatch[] = [];
  for await (const batch of batches) {
    throwIfAborted(signal);
    running.push(start(batch, classifier));
    batch.release();
    // Those that run, and one that waits for each, so that no session idles.
    if (running.length > 2 * classifier.parallelRuns) await write(running.shift(), options);
  }
  while (running.length > 0) {
    throwIfAborted(signal);
    await write(running.shift(), options);
  }
}

function start(batch: InputBatch, classifier: Classifier): RunningBatch {
  const { paths, rows, statuses, states, tiles } = batch;
  const judgements = statuses.includes(STATUS_OK)
    ? classifier.judgeTiles(tiles, paths.length)
    : Promise.resolve(undefined);
  // It may fail while something else is awaited; whoever awaits it later still sees the failure.
  judgements.catch(() => undefined);
  return { paths, rows, statuses, states, judgements };
}

async function write(batch: RunningBatch | undefined, options: PipelineOptions): Promise<void> {
  if (batch === undefined) return;
  const { classifier, layout, sink, counts, onBatch } = options;
  const { classes } = classifier;
  const judgements = await batch.judgements;
  const rows = batch.paths.map((path, i) => {
    const status = batch.statuses[i] ?? 'INTERNAL';
    const own =
      status === STATUS_OK
        ? judgements?.probabilities.subarray(i * classes.length, (i + 1) * classes.length)
        : undefined;
    const domain = own === undefined ? undefined : judgements?.domain?.[i];
    return layout.row({ path, status, probabilities: own, domain, row: batch.rows[i] ?? NaN });
  });
  for (const fields of rows) counts.add(fields);
  await sink.append(rows, batch.states);
  onBatch();
}
