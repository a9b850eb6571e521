import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { readNpyHeader } from '#src/storage/npy.js';
import { peerPython, runPeer, type PeerSpec } from '../fixtures/peer-process.js';
import { repositoryRoot } from '../fixtures/shared-data.js';

const FOLDER = join(repositoryRoot, 'bench', 'peers');
const python = peerPython(['numpy']);
const run = python === undefined ? test.skip : test;
const fake = join(repositoryRoot, 'test', 'fixtures', 'peers', 'fake_peer.py');
const spec: PeerSpec = {
  ...{ workload: 'decode', variant: 'fake', files: ['a b.jpeg', 'c.jpeg'] },
  ...{ size: 8, batch: 5, checkTiles: 3 },
};

run('a trial: ready, a round for each asked for, the end; nothing else on stdout', async (t) => {
  const { code, events, stderr } = await runPeer(python ?? '', fake, spec);
  t.is(code, 0, stderr);
  t.deepEqual(
    events.map(({ event }) => event),
    ['ready', 'round', 'round', 'end'],
  );
  t.deepEqual(events[0], { event: 'ready', versions: { fake: '1.0' }, device: 'nothing' });
  t.like(events[2], { round: 1, tiles: 5, seconds: 0.05, latenciesMs: [1.5] });
  const { dtype, shape } = await readNpyHeader(String(events[3]?.['answers']));
  t.is(dtype, '<f4');
  t.deepEqual(shape, [3, 1]);
  t.true(Number(events[3]?.['peakRssBytes']) > 2 ** 20);
  t.regex(stderr, /a library says something/);
  t.regex(stderr, /a program does too/);
});

run('what is not installed is named, and is no error', async (t) => {
  const { code, events } = await runPeer(python ?? '', fake, { ...spec, variant: 'missing' });
  t.is(code, 0);
  t.deepEqual(events, [{ event: 'missing', what: 'no_such_package_at_all' }]);
});

run('a peer that breaks says so by its exit code', async (t) => {
  const { code, events, stderr } = await runPeer(python ?? '', fake, {
    ...spec,
    variant: 'broken',
  });
  t.not(code, 0);
  t.deepEqual(events, []);
  t.regex(stderr, /broken on purpose/);
});

test('the registry names every script once, and nothing that is not there', async (t) => {
  const peers = JSON.parse(await readFile(join(FOLDER, 'peers.json'), 'utf8')) as {
    name: string;
    script: string;
    suites: string[];
    workloads: string[];
    versionsOf: string[];
  }[];
  const scripts = (await readdir(FOLDER)).filter((name) =>
    /^(decode|infer|train)_.*\.py$/.test(name),
  );
  t.deepEqual(peers.map(({ script }) => script).sort(), scripts.sort());
  const pairs = peers.flatMap(({ name, workloads }) => workloads.map((own) => `${name}: ${own}`));
  t.is(new Set(pairs).size, pairs.length);
  for (const { versionsOf, suites } of peers) t.true(versionsOf.length > 0 && suites.length > 0);
});

test('requirements: comments and empty lines are none; what fails is named, the rest is had', async (t) => {
  const { requirementsIn, installEach } = (await import(
    pathToFileURL(join(repositoryRoot, 'scripts', 'setup', 'peers.mjs')).href
  )) as {
    requirementsIn: (text: string) => string[];
    installEach: (
      requirements: string[],
      install: (some: string[]) => Promise<void>,
    ) => Promise<{ requirement: string; why: string }[]>;
  };
  const requirements = requirementsIn('# these\na==1\n\nb==2 # why\nc\n');
  t.deepEqual(requirements, ['a==1', 'b==2', 'c']);
  const calls: string[][] = [];
  const install = (bad: string) => (some: string[]) => {
    calls.push(some);
    return some.includes(bad) ? Promise.reject(new Error('none')) : Promise.resolve();
  };
  t.deepEqual(await installEach(requirements, install('b==2')), [
    { requirement: 'b==2', why: 'none' },
  ]);
  t.deepEqual(calls, [requirements, ['a==1'], ['b==2'], ['c']]);
  calls.length = 0;
  t.deepEqual(await installEach(requirements, install('')), []);
  t.is(calls.length, 1);
});
