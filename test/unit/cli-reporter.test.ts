import test from 'ava';
import { LungclsError } from '#src/errors.js';
import { formatCount, formatRate, formatSeconds } from '#src/cli/progress-meter.js';
import { Reporter, type ReporterOptions } from '#src/cli/reporter.js';

function capture(options: Partial<ReporterOptions> & { isTTY?: boolean; columns?: number } = {}) {
  const { isTTY = false, columns = 100, ...rest } = options;
  const written = { stdout: '', stderr: '' };
  const clock = { ms: 0 };
  const reporter = new Reporter({
    json: false,
    quiet: false,
    verbose: false,
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text), isTTY, columns },
    now: () => clock.ms,
    ...rest,
  });
  return { reporter, written, clock };
}

test('on a terminal progress is one line with rate and time left, drawn over', (t) => {
  const { reporter, written, clock } = capture({ isTTY: true });
  const at = (ms: number, done: number): void => {
    clock.ms = ms;
    reporter.progress({ stage: 'predict', done, total: 1000, unit: 'tiles' });
  };
  at(0, 0);
  at(50, 5);
  at(2000, 200);
  at(10_000, 1000);
  const lines = written.stderr.split('\r');
  t.is(lines.length, 4, 'the report that came too soon is not drawn');
  t.regex(lines[2] ?? '', /200 of 1,000 tiles \(20%\) {2}100 tiles\/s {2}8\.0 s left/);
  t.regex(lines[3] ?? '', /1,000 of 1,000 tiles \(100%\).*\n$/s);
});

test('a line is never longer than the terminal is wide', (t) => {
  const { reporter, written } = capture({ isTTY: true, columns: 20 });
  reporter.progress({
    stage: 'predict',
    done: 0,
    total: 1_000_000,
    unit: 'tiles',
    note: 'x'.repeat(99),
  });
  t.true(written.stderr.replaceAll('\r', '').replaceAll('\u001b[K', '').length <= 19);
});

test('what an earlier process did does not count as speed', (t) => {
  const { reporter, written, clock } = capture({ isTTY: true });
  reporter.progress({ stage: 'predict', done: 900, total: 1000, unit: 'tiles' });
  clock.ms = 1000;
  reporter.progress({ stage: 'predict', done: 910, total: 1000, unit: 'tiles' });
  t.regex(written.stderr, /10\.0 tiles\/s {2}9\.0 s left/);
});

test('in a log there is a plain line now and then', (t) => {
  const { reporter, written, clock } = capture();
  for (let second = 0; second <= 60; second++) {
    clock.ms = second * 1000;
    reporter.progress({ stage: 'decode', done: second, unit: 'images' });
  }
  const lines = written.stderr.trimEnd().split('\n');
  t.is(lines.length, 4);
  t.false(written.stderr.includes('\r'));
});

test('quiet leaves errors alone standing', (t) => {
  const { reporter, written } = capture({ quiet: true, isTTY: true });
  reporter.progress({ stage: 'decode', done: 1, total: 1, unit: 'images' });
  reporter.message('something');
  reporter.result(['done'], {});
  t.deepEqual(written, { stdout: '', stderr: '' });
  reporter.error(new LungclsError('DISK_FULL', 'The disk is full'));
  t.is(written.stderr, 'error[DISK_FULL]: The disk is full\n');
});

test('an error is one line, whatever the file is called', (t) => {
  const { reporter, written } = capture();
  reporter.error(new LungclsError('INPUT_NOT_FOUND', 'No such file: a\nb\u001b[31m'));
  t.is(written.stderr, 'error[INPUT_NOT_FOUND]: No such file: a\\nb\\u001b[31m\n');
});

test('verbose shows the stack and what caused it', (t) => {
  const { reporter, written } = capture({ verbose: true });
  const error = new LungclsError('INTERNAL', 'outer', { cause: new Error('inner') });
  reporter.error(error);
  t.regex(written.stderr, /^error\[INTERNAL\]: outer\n[^]*at [^]*caused by: Error: inner/);
});

test('with json stdout holds one document, for a result and for an error', (t) => {
  const ok = capture({ json: true });
  ok.reporter.message('hello');
  ok.reporter.result(['done'], { rows: 3 });
  t.deepEqual(JSON.parse(ok.written.stdout), { rows: 3 });
  t.is(ok.written.stderr, 'hello\n');

  const failed = capture({ json: true });
  failed.reporter.error(new LungclsError('INPUT_NOT_FOUND', 'No such file: x', { path: 'x' }));
  t.deepEqual(JSON.parse(failed.written.stdout), {
    error: { code: 'INPUT_NOT_FOUND', message: 'No such file: x', path: 'x' },
  });
});

test('numbers for people', (t) => {
  t.is(formatCount(15000), '15,000');
  t.deepEqual([0.123, 61.27, 1234.4].map(formatRate), ['0.12', '61.3', '1,234']);
  t.deepEqual([3.21, 42.4, 125, 3870].map(formatSeconds), [
    '3.2 s',
    '42 s',
    '2 min 05 s',
    '1 h 04 min',
  ]);
});
