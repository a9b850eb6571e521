/** Knows a finished job again. */
import { access } from 'node:fs/promises';
import { LungclsError } from '../errors.js';
import { differences, readRecord, type JobFacts, type JobRecord } from './job-record.js';
import type { ResultFormat } from './result-format.js';

/**
 * The record of an output that is what the job would make: of the same model, settings and shard, and of
 * images that are all as they were.
 * @param today goes through the inputs as they are now; asked only where all else is the same
 * @returns undefined where there is no such output
 * @throws LungclsError OUTPUT_EXISTS: there is one, and it is something else, in words
 */
export async function findFinished(
  output: string,
  format: ResultFormat,
  job: JobFacts,
  today: () => Promise<{ rows: number; images: string }>,
): Promise<JobRecord | undefined> {
  const there = await access(output).then(
    () => true,
    () => false,
  );
  if (!there) return undefined;
  const record = await readRecord(output, format).catch((error: unknown) => {
    if (error instanceof LungclsError) throw exists(output, error.message);
    throw error;
  });
  if (record === undefined) throw exists(output, 'it is no result of a job');
  // The inputs are compared below, image by image.
  const other = differences({ ...record, inputs: job.inputs }, job);
  const shards = [record.shard, job.shard].map((shard) =>
    shard === null ? 'the whole' : `shard ${shard.index}/${shard.count}`,
  );
  if (shards[0] !== shards[1]) other.unshift(shards.join(' and '));
  if (other.length > 0) throw exists(output, `it is of another job: ${other.join('; ')}`);
  const { rows, images } = await today();
  if (rows !== record.rows || images !== record.images) {
    throw exists(
      output,
      rows === record.rows
        ? `of its ${rows} images some have changed since`
        : `it was made of ${record.rows} images, now there are ${rows}`,
    );
  }
  return record;
}

function exists(output: string, why: string): LungclsError {
  return new LungclsError(
    'OUTPUT_EXISTS',
    `${output} exists already (${why}); give --force to replace it, or another name`,
    { path: output },
  );
}
