/** One call of `predict`, once it is known where the tiles come from. */
import type { Bundle } from '../bundle/read.js';
import { TOOL_VERSION } from '../config.js';
import { LungclsError } from '../errors.js';
import type { BufferMemory } from '../native/addon.js';
import { fingerprint, type Json } from '../storage/hash.js';
import { openPartial, removeRemains } from '../storage/partial.js';
import { loadClassifier } from './classifier.js';
import { findFinished } from './finished.js';
import { jobRecord, type JobFacts, type JobRecord } from './job-record.js';
import { countItems, imagesToday, Listing, type Numbered } from './listing.js';
import { runPipeline } from './pipeline.js';
import type { PredictSettings } from './predict-options.js';
import type { PredictOptions, PredictResult } from './predict.js';
import { ResultLayout } from './result-columns.js';
import { ResultFile, type ResultSink } from './result-file.js';
import { lineFormat } from './result-format.js';
import { streamSink } from './result-stream.js';
import { ResultCounts } from './results.js';
import { resume } from './resume.js';
import type { InputItem, TileInput } from './tile-input.js';
import { temperatureOf, withTemperature } from './temperature.js';
import { withTta } from './tta.js';

const NO_DOMAIN =
  'The columns in_domain, domain_score and domain_reason stay empty: the model does not say what its training tiles are like (it had too few, or is of an earlier version; train it anew)';

/** What a process did. */
type Work = Pick<PredictResult, 'resumedRows' | 'seconds' | 'runsOn'>;

export class PredictJob {
  readonly #bundle: Bundle;
  readonly #options: PredictOptions;
  readonly #settings: PredictSettings;
  readonly #identity: Json;
  readonly #layout: ResultLayout;
  readonly #counts: ResultCounts;
  readonly #listing: Listing;
  readonly #temperature: number | undefined;
  /** Set once images are decoded. */
  buffers: BufferMemory | undefined;

  /** @param identity of the inputs: rows of other inputs are never continued */
  constructor(bundle: Bundle, options: PredictOptions, settings: PredictSettings, identity: Json) {
    const { top, threshold, shard } = settings;
    const { classes } = bundle.metadata;
    this.#bundle = bundle;
    this.#options = options;
    this.#settings = settings;
    this.#identity = identity;
    this.#layout = new ResultLayout({ classes, top, threshold, numbered: shard !== undefined });
    this.#counts = new ResultCounts(this.#layout);
    this.#listing = new Listing(shard);
    this.#temperature = temperatureOf(bundle.metadata, settings.calibrated);
  }

  async run<T extends InputItem>(input: TileInput<T>): Promise<PredictResult> {
    const { output, signal } = this.#options;
    const { format } = this.#settings;
    if (typeof output === 'string') {
      return (await this.#finished(input, output)) ?? (await this.#toFile(input, output));
    }
    // A stream is never Parquet: the options have been checked.
    const lines = lineFormat(format === 'parquet' ? 'csv' : format, this.#layout.columns);
    const sink = streamSink(output, lines, signal);
    await sink.append([], new BigUint64Array(0));
    const items = this.#listing.number(input.list());
    try {
      return this.#result(await this.#classify(input, items, sink));
    } finally {
      letGo(items);
    }
  }

  /** The result of a job that has been finished before. */
  async #finished<T extends InputItem>(
    input: TileInput<T>,
    output: string,
  ): Promise<PredictResult | undefined> {
    const { force = false, signal } = this.#options;
    const { format, shard } = this.#settings;
    if (force) return undefined;
    const record = await findFinished(output, format, this.#facts(), () =>
      imagesToday(input.list(), (item) => input.state(item), shard, signal),
    );
    if (record === undefined) return undefined;
    await removeRemains(output, this.#fingerprint());
    this.#say(`${output} is finished already: nothing to do`);
    const { rows, perClass, perStatus, outOfDomain } = record;
    const counts = { rows, perClass, perStatus, outOfDomain };
    const work = { resumedRows: rows, seconds: 0, runsOn: 'nothing: it was finished before' };
    return { ...this.#result(work), ...counts, alreadyFinished: true };
  }

  async #toFile<T extends InputItem>(input: TileInput<T>, output: string): Promise<PredictResult> {
    const { signal, force = false } = this.#options;
    const { batchSize, format } = this.#settings;
    const counts = this.#counts;
    const partial = await openPartial(output, { fingerprint: this.#fingerprint(), force });
    try {
      const file = await ResultFile.open(partial, this.#layout.columns);
      const items = this.#listing.number(input.list());
      try {
        const from = await resume(file, items, (item) => input.state(item), batchSize, counts);
        if (from.rows > 0) this.#say(`Continuing after ${from.rows} rows that are there already`);
        const work = await this.#classify(input, chain(from.pending, items), file);
        const paths = this.#listing.digest();
        const record = (images: string): JobRecord =>
          jobRecord({ ...this.#facts(), inputs: { images: this.#listing.images, paths }, images });
        await file.finish({ format, record, signal });
        return this.#result(work);
      } catch (error) {
        await file.suspend();
        throw error;
      } finally {
        letGo(items);
      }
    } finally {
      await partial.release();
    }
  }

  async #classify<T extends InputItem>(
    input: TileInput<T>,
    items: AsyncIterator<Numbered<T>>,
    sink: ResultSink,
  ): Promise<Work> {
    const { signal, onMessage } = this.#options;
    const counts = this.#counts;
    const resumedRows = counts.rows;
    const first = await items.next();
    if (first.done === true) {
      if (this.#listing.images === 0) {
        throw new LungclsError(
          'INPUT_EMPTY',
          'Expected at least one image but the inputs hold none',
        );
      }
      return { resumedRows, seconds: 0, runsOn: 'nothing: every row was there' };
    }
    const loaded = await loadClassifier(this.#bundle, {
      ...this.#settings,
      ...(signal === undefined ? {} : { signal }),
      ...(onMessage === undefined ? {} : { onMessage }),
    });
    if (!loaded.judgesDomain) this.#say(NO_DOMAIN);
    const classifier = withTemperature(withTta(loaded, this.#settings.tta), this.#temperature);
    const progress = this.#progress(input);
    try {
      progress.report();
      const startedAt = performance.now();
      await runPipeline({
        batches: input.read(chain([first.value], items)),
        classifier,
        layout: this.#layout,
        sink,
        counts,
        onBatch: progress.report,
        signal,
      });
      const seconds = (performance.now() - startedAt) / 1000;
      return { resumedRows, seconds, runsOn: classifier.description };
    } finally {
      progress.stop();
      await classifier.close();
    }
  }

  /** Reports rows as they come; the inputs are counted meanwhile, where they can be. */
  #progress(input: TileInput<InputItem>): { report: () => void; stop: () => void } {
    const { onProgress } = this.#options;
    const counter = new AbortController();
    let total: number | undefined;
    if (onProgress !== undefined && input.countable) {
      const items = new Listing(this.#settings.shard).number(input.list());
      void countItems(items, counter.signal).then((count) => (total = count));
    }
    return {
      report: () => {
        onProgress?.({
          stage: 'predict',
          done: this.#counts.rows,
          ...(total === undefined ? {} : { total }),
          unit: 'tiles',
        });
      },
      stop: () => {
        counter.abort();
      },
    };
  }

  #result({ resumedRows, seconds, runsOn }: Work): PredictResult {
    const { output } = this.#options;
    const { rows, perClass, perStatus, outOfDomain } = this.#counts;
    return {
      output: typeof output === 'string' ? output : undefined,
      rows,
      resumedRows,
      alreadyFinished: false,
      shard: this.#settings.shard,
      perClass,
      perStatus,
      outOfDomain,
      seconds,
      tilesPerSecond: seconds > 0 ? (rows - resumedRows) / seconds : 0,
      runsOn,
      temperature: this.#temperature ?? null,
      buffers: this.buffers,
    };
  }

  /** What is known of the job before its inputs have gone by. */
  #facts(): JobFacts {
    const { classes, preprocessingFingerprint, files } = this.#bundle.metadata;
    const { engine, device, precision, batchSize, maxPixels, tta, top, threshold, shard } =
      this.#settings;
    const model = { classes, preprocessingFingerprint, files: JSON.stringify(files) };
    const { rows, perClass, perStatus, outOfDomain } = this.#counts;
    return {
      toolVersion: TOOL_VERSION,
      model: { classes, fingerprint: fingerprint(model) },
      settings: {
        ...{ engine, device, precision: precision ?? null, batchSize, maxPixels },
        ...{ tta: tta ?? null, top, threshold: threshold ?? null },
        temperature: this.#temperature ?? null,
      },
      inputs: { images: 0, paths: '' },
      shard: shard ?? null,
      rows,
      images: '',
      perClass,
      perStatus,
      outOfDomain,
    };
  }

  /** Of everything that a row depends on, so that rows of another job are never mixed in. */
  #fingerprint(): string {
    const { toolVersion, model, settings, shard } = this.#facts();
    return fingerprint({
      format: 'predict-4',
      ...{ toolVersion, model: model.fingerprint, settings },
      shard: shard === null ? null : { ...shard },
      input: this.#identity,
    });
  }

  #say(message: string): void {
    this.#options.onMessage?.(message, 'info');
  }
}

/** Lets a listing close its files, without waiting: it may be reading a list that nobody writes to. */
function letGo(items: AsyncGenerator): void {
  items.return(undefined).catch(() => undefined);
}

async function* chain<T>(first: readonly T[], rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield* first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
