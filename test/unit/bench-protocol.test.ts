import test from 'ava';
import { parseEvent, parseRequest, parseSpec } from '#src/bench/protocol.js';
import { withoutPaths } from '#src/bench/trial-process.js';

const GOOD = [
  { event: 'ready', versions: { cv2: '5.0.0' }, device: 'CPU' },
  { event: 'missing', what: 'opencv-python-headless' },
  { event: 'round', round: 0, tiles: 32, seconds: 0.5 },
  { event: 'round', round: 3, tiles: 1, seconds: 2, latenciesMs: [2000], stages: { decode: 1 } },
  { event: 'end', peakRssBytes: 1e9, answers: 'answers.npy' },
];

for (const event of GOOD) {
  test(`an event is read: ${JSON.stringify(event)}`, (t) => {
    t.deepEqual(parseEvent(JSON.stringify(event)) as unknown, event);
  });
}

const BAD = [
  { event: 'ready', versions: { cv2: 5 }, device: 'CPU' },
  { event: 'ready', versions: {} },
  { event: 'round', round: 0, tiles: 0, seconds: 1 },
  { event: 'round', round: 0, tiles: 3, seconds: 0 },
  { event: 'round', round: 0, tiles: 3, seconds: -1 },
  { event: 'round', round: 0, tiles: 3, seconds: null },
  { event: 'round', round: 0, tiles: 3, seconds: 1, latenciesMs: ['fast'] },
  { event: 'round', round: 0, tiles: 3, seconds: 1, stages: [1] },
  { event: 'end', peakRssBytes: '1 GB', answers: 'a.npy' },
  { event: 'toString' },
  { event: 'faster' },
];

for (const event of BAD) {
  test(`an event that lacks something breaks the protocol: ${JSON.stringify(event)}`, (t) => {
    t.throws(() => parseEvent(JSON.stringify(event)), { code: 'INTERNAL' });
  });
}

test('what libraries print is no event', (t) => {
  for (const line of [
    '',
    'hello',
    '2026 I tensorflow/core',
    '{"a":1}',
    '{ not json',
    '[1]',
    'null',
  ]) {
    t.is(parseEvent(line), undefined);
  }
});

const SPEC = {
  ...{
    workload: 'decode',
    variant: 'cv2',
    files: 'files.txt',
    tiles: null,
    model: null,
    onnx: null,
  },
  ...{ size: 256, batch: 8, threads: 2, checkTiles: 4, out: 'folder' },
};

test('a spec is read, and refused where something is not what it should be', (t) => {
  t.deepEqual(parseSpec(JSON.stringify(SPEC)) as unknown, SPEC);
  for (const name of Object.keys(SPEC)) {
    const { [name as keyof typeof SPEC]: _, ...rest } = SPEC;
    t.throws(() => parseSpec(JSON.stringify(rest)), { code: 'INVALID_OPTION' }, name);
  }
  t.throws(() => parseSpec(JSON.stringify({ ...SPEC, batch: -1 })), { code: 'INVALID_OPTION' });
});

test('a request is a round or an end', (t) => {
  t.deepEqual(parseRequest('{"round":2,"seconds":0.5}'), { round: 2, seconds: 0.5 });
  t.deepEqual(parseRequest('{"end":true}'), { end: true });
  t.throws(() => parseRequest('{"end":false}'), { code: 'INVALID_OPTION' });
  t.throws(() => parseRequest('[]'), { code: 'INVALID_OPTION' });
});

test('paths of this machine do not get into results', (t) => {
  t.is(withoutPaths('at file:///home/me/dist/x.js:3:4'), 'at x.js:3:4');
  t.is(withoutPaths('/usr/lib/python3/site-packages/cv2.so: undefined'), 'cv2.so: undefined');
  t.is(
    withoutPaths('12 tiles/s, 3/4, https://docs.rs/a/b'),
    '12 tiles/s, 3/4, https://docs.rs/a/b',
  );
  t.is(
    withoutPaths('ONNX Runtime 1.30.0 (CPU, 2 threads)'),
    'ONNX Runtime 1.30.0 (CPU, 2 threads)',
  );
});
