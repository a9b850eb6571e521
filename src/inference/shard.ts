/** One part of a job that several processes share, and how the images are dealt out. */
import { createHash } from 'node:crypto';
import { LungclsError } from '../errors.js';

export interface Shard {
  /** 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

const MOST_SHARDS = 1_000_000;

/**
 * Which shard a path belongs to, 1 to `count`: the first eight bytes of the SHA-256 of its UTF-8, as a
 * big-endian number, modulo `count`, plus 1. It depends on nothing but the path as it is written to the
 * results. In Python: `int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], 'big') % count + 1`.
 */
export function shardOfPath(path: string, count: number): number {
  const digest = createHash('sha256').update(path).digest();
  return Number(digest.readBigUInt64BE() % BigInt(count)) + 1;
}

/**
 * Reads `i/n`, the first shard being 1, or `auto`: whichever array job the environment speaks of.
 *
 * | scheduler | index | count |
 * |---|---|---|
 * | SLURM array | (SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN) / SLURM_ARRAY_TASK_STEP | SLURM_ARRAY_TASK_COUNT |
 * | AWS Batch array | AWS_BATCH_JOB_ARRAY_INDEX, from 0 | AWS_BATCH_JOB_ARRAY_SIZE |
 * | Kubernetes Indexed Job | JOB_COMPLETION_INDEX, from 0 | LUNGCLS_SHARD_COUNT: Kubernetes tells nobody, the manifest has to |
 *
 * @throws LungclsError INVALID_OPTION, naming the variable, what was expected and what came
 */
export function parseShard(text: string, env: NodeJS.ProcessEnv = process.env): Shard {
  if (text === 'auto') return shardFromEnvironment(env);
  const match = /^(\d{1,7})\/(\d{1,7})$/.exec(text);
  if (match === null) {
    throw invalid(`Expected i/n or auto for shard but received ${JSON.stringify(text)}`);
  }
  return checkShard({ index: Number(match[1]), count: Number(match[2]) });
}

/** @throws LungclsError INVALID_OPTION */
export function checkShard({ index, count }: Shard): Shard {
  if (!Number.isInteger(count) || count < 1 || count > MOST_SHARDS) {
    throw invalid(`Expected 1 to ${MOST_SHARDS} shards but received ${count}`);
  }
  if (!Number.isInteger(index) || index < 1 || index > count) {
    throw invalid(`Expected a shard from 1 to ${count} but received ${index}`);
  }
  return { index, count };
}

interface Scheduler {
  readonly name: string;
  /** The variable that only this scheduler's tasks have. */
  readonly sign: string;
  read(env: NodeJS.ProcessEnv): Shard;
}

const SCHEDULERS: readonly Scheduler[] = [
  {
    name: 'a SLURM array',
    sign: 'SLURM_ARRAY_TASK_ID',
    read: (env) => {
      const id = whole(env, 'SLURM_ARRAY_TASK_ID');
      const first = whole(env, 'SLURM_ARRAY_TASK_MIN');
      const step =
        env['SLURM_ARRAY_TASK_STEP'] === undefined ? 1 : whole(env, 'SLURM_ARRAY_TASK_STEP');
      const count = whole(env, 'SLURM_ARRAY_TASK_COUNT');
      const last = whole(env, 'SLURM_ARRAY_TASK_MAX');
      // An array such as 1,2,5 has a count that its range does not have.
      if (step < 1 || first + step * (count - 1) !== last || (id - first) % step !== 0) {
        throw invalid(
          `Expected a SLURM array of one range, such as 0-7 or 10-80:10, but received task ${id} of ${count} from ${first} to ${last} by ${step}; say --shard i/n instead`,
        );
      }
      return { index: (id - first) / step + 1, count };
    },
  },
  {
    name: 'an AWS Batch array',
    sign: 'AWS_BATCH_JOB_ARRAY_INDEX',
    read: (env) => ({
      index: whole(env, 'AWS_BATCH_JOB_ARRAY_INDEX') + 1,
      count: whole(env, 'AWS_BATCH_JOB_ARRAY_SIZE'),
    }),
  },
  {
    name: 'a Kubernetes Indexed Job',
    sign: 'JOB_COMPLETION_INDEX',
    read: (env) => ({
      index: whole(env, 'JOB_COMPLETION_INDEX') + 1,
      count: whole(env, 'LUNGCLS_SHARD_COUNT'),
    }),
  },
];

function shardFromEnvironment(env: NodeJS.ProcessEnv): Shard {
  const found = SCHEDULERS.filter(({ sign }) => (env[sign] ?? '') !== '');
  const [scheduler] = found;
  if (scheduler === undefined || found.length > 1) {
    const signs = (found.length > 1 ? found : SCHEDULERS).map(
      ({ name, sign }) => `${sign} (${name})`,
    );
    throw invalid(
      `Expected ${found.length > 1 ? 'one alone' : 'one'} of ${signs.join(', ')} in the environment for --shard auto but found ${found.length}`,
    );
  }
  return checkShard(scheduler.read(env));
}

function whole(env: NodeJS.ProcessEnv, name: string): number {
  const text = env[name];
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw invalid(
    `Expected a whole number in ${name} for --shard auto but found ${text === undefined ? 'nothing' : JSON.stringify(text)}`,
  );
}

function invalid(message: string): LungclsError {
  return new LungclsError('INVALID_OPTION', message);
}
