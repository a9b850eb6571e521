// Packs the package, installs it into an empty folder as a user would, and uses what was installed.
//   node scripts/ci/package-smoke.mjs
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext } from '../setup/context.mjs';
import { run } from '../setup/process.mjs';

const { root } = createContext([]);
const folder = await mkdtemp(join(tmpdir(), 'lungcls-package-'));
const user = join(folder, 'user');
const installed = join(user, 'node_modules', 'lungcls-fast');
const addon = join(installed, 'build', 'native', 'Release', 'lungcls.node');

async function timed(what, work) {
  const start = performance.now();
  const result = await work();
  console.log(`${what} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

async function pack() {
  const out = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root });
  const [{ filename, files, size }] = JSON.parse(out);
  const paths = files.map(({ path }) => path);
  for (const needed of [
    ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'native/CMakeLists.txt'],
    ...['scripts/setup.mjs', 'scripts/tfjs-binding/CMakeLists.txt', 'models/bases.json'],
    ...['binding.gyp', 'README.md', 'LICENSE', 'bench/peers/peers.json'],
  ]) {
    assert(paths.includes(needed), `${needed} is not in the package`);
  }
  // What the command bench starts or compiles, and nothing else of bench/.
  const ofBench = /^bench\/(peers\/[\w.-]+|decode\/libjpeg\.cpp)$/;
  for (const path of paths.filter((each) => !ofBench.test(each))) {
    assert(!/\.(map|onnx|safetensors|node|h5|npy)$|^(test|src|bench|build)\//.test(path), path);
  }
  console.log(`${filename}: ${paths.length} files, ${(size / 1024).toFixed(0)} KiB`);
  return join(folder, filename);
}

const cli = (...args) => run('npx', ['--no-install', 'lungcls-fast', ...args], { cwd: user });

async function addonStatus() {
  // Where something necessary is missing it exits with an error, and prints the facts all the same.
  const out = await cli('doctor', '--json').catch((error) => error.stdout);
  return JSON.parse(out).facts.find(({ id }) => id === 'addon').status;
}

const USE = `
import assert from 'node:assert/strict';
import { writeFile, readdir, mkdir } from 'node:fs/promises';
import sharp from 'sharp';
import * as lungcls from 'lungcls-fast';
for (const name of ['one', 'two']) {
  await mkdir('tiles/' + name, { recursive: true });
  const level = name === 'one' ? 60 : 200;
  const create = { width: 64, height: 48, channels: 3, background: { r: level, g: 30, b: level } };
  await sharp({ create }).jpeg().toFile('tiles/' + name + '/tile.jpeg');
}
const result = await lungcls.preprocess({ input: 'tiles', output: 'store', size: 32 });
assert.equal(result.rows, 2);
assert.equal(result.errors, 0);
await assert.rejects(lungcls.preprocess({ input: 'nothing', output: 'x' }), { code: 'INPUT_NOT_FOUND' });
console.log((await readdir('store')).join(' '));
`;

const TYPES = `
import { preprocess, type LungclsError } from 'lungcls-fast';
export const rows: Promise<number> = preprocess({ input: 'a', output: 'b' }).then((r) => r.rows);
export const code = (error: LungclsError): string => error.code;
`;

try {
  const tarball = await timed('packed', pack);
  await mkdir(user);
  await writeFile(join(user, 'package.json'), '{ "private": true, "type": "module" }\n');
  // Dependencies' install scripts stay out of it: some of them fetch from other hosts.
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts'];
  await timed('installed without scripts', () =>
    run('npm', ['install', ...quiet, tarball], { cwd: user }),
  );
  assert(!existsSync(addon));
  assert.equal(await addonStatus(), 'missing');
  // What npm does when scripts are allowed: the package's own install script builds the addon.
  await timed('install script', () =>
    run('npm', ['rebuild', '--ignore-scripts=false', 'lungcls-fast'], { cwd: user }),
  );
  assert(existsSync(addon), 'the install script built no addon');
  assert.equal(await addonStatus(), 'ok');
  await timed('set-up', () => cli('setup', '--quiet'));
  await writeFile(join(user, 'use.mjs'), USE);
  console.log(await timed('used', () => run(process.execPath, ['use.mjs'], { cwd: user })));
  await writeFile(join(user, 'types.ts'), TYPES);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const strict = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2023',
  ];
  const types = ['--typeRoots', join(root, 'node_modules', '@types'), '--types', 'node'];
  await timed('types', () =>
    run(process.execPath, [tsc, ...strict, ...types, 'types.ts'], { cwd: user }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
