import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { parseShard, shardOfPath, type Shard } from '#src/inference/shard.js';

/** From `int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], 'big') % count + 1` in Python 3.11. */
const DEALT: readonly (readonly [string, number, number])[] = [
  ['tiles/lungaca1.jpeg', 4, 4],
  ['tiles/lungaca2.jpeg', 4, 4],
  ['tiles/ünï 肺.jpeg', 7, 6],
  ['', 10, 3],
  ['x', 1, 1],
  ['x', 1_000_000, 479877],
];

test('a path belongs to the shard that anyone can work out', (t) => {
  for (const [path, count, shard] of DEALT) t.is(shardOfPath(path, count), shard, path);
});

test('paths are dealt out evenly', (t) => {
  const counts = new Array<number>(8).fill(0);
  for (let i = 0; i < 8000; i++) counts[shardOfPath(`tiles/${i}.jpeg`, 8) - 1]! += 1;
  // 1000 each; the standard deviation is 30.
  t.true(
    counts.every((count) => Math.abs(count - 1000) < 150),
    counts.join(),
  );
});

test('i/n, the first is 1', (t) => {
  t.deepEqual(parseShard('1/4', {}), { index: 1, count: 4 });
  t.deepEqual(parseShard('4/4', {}), { index: 4, count: 4 });
  for (const text of [
    '0/4',
    '5/4',
    '1/0',
    '4',
    '1/2/3',
    '-1/4',
    '1.5/4',
    'a/b',
    '',
    ' 1/4',
    '1/9999999',
  ]) {
    t.throws(() => parseShard(text, {}), { code: 'INVALID_OPTION' }, text);
  }
});

function slurm(
  id: number,
  min: number,
  max: number,
  count: number,
  step?: number,
): NodeJS.ProcessEnv {
  return {
    SLURM_ARRAY_TASK_ID: String(id),
    SLURM_ARRAY_TASK_MIN: String(min),
    SLURM_ARRAY_TASK_MAX: String(max),
    SLURM_ARRAY_TASK_COUNT: String(count),
    ...(step === undefined ? {} : { SLURM_ARRAY_TASK_STEP: String(step) }),
  };
}

test('auto reads the array job of whichever scheduler there is', (t) => {
  const cases: readonly (readonly [NodeJS.ProcessEnv, Shard])[] = [
    [slurm(0, 0, 3, 4, 1), { index: 1, count: 4 }],
    [slurm(3, 0, 3, 4), { index: 4, count: 4 }],
    [slurm(7, 5, 8, 4, 1), { index: 3, count: 4 }],
    [slurm(30, 10, 40, 4, 10), { index: 3, count: 4 }],
    [slurm(9, 9, 9, 1, 1), { index: 1, count: 1 }],
    [
      { AWS_BATCH_JOB_ARRAY_INDEX: '0', AWS_BATCH_JOB_ARRAY_SIZE: '3' },
      { index: 1, count: 3 },
    ],
    [
      { AWS_BATCH_JOB_ARRAY_INDEX: '2', AWS_BATCH_JOB_ARRAY_SIZE: '3' },
      { index: 3, count: 3 },
    ],
    [
      { JOB_COMPLETION_INDEX: '4', LUNGCLS_SHARD_COUNT: '5' },
      { index: 5, count: 5 },
    ],
  ];
  for (const [env, shard] of cases) t.deepEqual(parseShard('auto', env), shard);
});

test('an environment that does not say which shard is refused, naming what was expected', (t) => {
  const cases: readonly (readonly [NodeJS.ProcessEnv, RegExp])[] = [
    [{}, /SLURM_ARRAY_TASK_ID .*AWS_BATCH_JOB_ARRAY_INDEX .*JOB_COMPLETION_INDEX .*found 0/],
    [{ JOB_COMPLETION_INDEX: '1' }, /LUNGCLS_SHARD_COUNT for --shard auto but found nothing/],
    [{ JOB_COMPLETION_INDEX: '5', LUNGCLS_SHARD_COUNT: '5' }, /1 to 5 but received 6/],
    [{ AWS_BATCH_JOB_ARRAY_INDEX: 'x', AWS_BATCH_JOB_ARRAY_SIZE: '3' }, /found "x"/],
    // --array=1,2,5
    [slurm(5, 1, 5, 3, 1), /one range.*task 5 of 3 from 1 to 5/],
    [slurm(2, 1, 5, 3, 2), /one range/],
    [
      { ...slurm(0, 0, 3, 4), JOB_COMPLETION_INDEX: '0', LUNGCLS_SHARD_COUNT: '4' },
      /one alone of SLURM_ARRAY_TASK_ID .*, JOB_COMPLETION_INDEX .*found 2/,
    ],
  ];
  for (const [env, message] of cases) {
    const error = t.throws(() => parseShard('auto', env), { instanceOf: LungclsError, message });
    t.is(error.code, 'INVALID_OPTION');
  }
});
