/** Opening a model: what is sound is opened, what is not is refused with what was found. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { openBundle } from '#src/bundle/read.js';
import { preprocessingFingerprint, preprocessingSpec } from '#src/imaging/preprocessing.js';
import { modelBytes } from '#src/onnx/model.js';
import { TINY_CLASSES, TINY_SIZE, tinyBundle } from '../fixtures/tiny-bundle.js';

const folder = await mkdtemp(join(tmpdir(), 'lungcls-bundle-'));
test.after.always(() => rm(folder, { recursive: true, force: true }));

interface Metadata extends Record<string, unknown> {
  classes: string[];
  files: Record<string, { sha256: string; bytes: number }>;
}

let copies = 0;

/** The tiny bundle with some of its files replaced (undefined: absent), the others linked. */
async function copyWith(changes: Record<string, Uint8Array | string | undefined>): Promise<string> {
  const original = await tinyBundle();
  const copy = join(folder, `copy-${String(copies++)}`);
  const { files } = await metadataOf(original);
  const names = new Set([...Object.keys(files), 'lungcls.json', ...Object.keys(changes)]);
  for (const name of names) {
    await mkdir(dirname(join(copy, name)), { recursive: true });
    if (!(name in changes)) await symlink(join(original, name), join(copy, name));
    else if (changes[name] !== undefined) await writeFile(join(copy, name), changes[name]);
  }
  return copy;
}

async function metadataOf(bundle: string): Promise<Metadata> {
  return JSON.parse(await readFile(join(bundle, 'lungcls.json'), 'utf8')) as Metadata;
}

/** The file with one bit turned round. */
async function damaged(name: string, at: number): Promise<Uint8Array> {
  const bytes = await readFile(join(await tinyBundle(), name));
  const offset = Math.floor(at * (bytes.length - 1));
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  return bytes;
}

/** lungcls.json after a change. */
async function edited(change: (metadata: Metadata) => void): Promise<string> {
  const metadata = await metadataOf(await tinyBundle());
  change(metadata);
  return JSON.stringify(metadata);
}

test('a bundle opens, and says what it is', async (t) => {
  const path = await tinyBundle();
  const bundle = await openBundle(path);
  t.is(bundle.onnxPath, join(path, 'model.onnx'));
  t.is(bundle.fp16Path, join(path, 'model.fp16.onnx'));
  t.is(bundle.int8Path, join(path, 'model.int8.onnx'));
  t.is(bundle.tfjsPath, join(path, 'tfjs'));
  t.deepEqual(bundle.metadata.classes, TINY_CLASSES);
  const spec = preprocessingSpec(TINY_SIZE);
  t.deepEqual(bundle.metadata.preprocessing, spec);
  t.is(bundle.metadata.preprocessingFingerprint, preprocessingFingerprint(spec));
  t.regex(bundle.metadata.notice, /research use only/i);
});

for (const name of ['model.onnx', 'model.fp16.onnx', 'model.int8.onnx']) {
  test(`a lone ${name} knows what the bundle knows`, async (t) => {
    const whole = await openBundle(await tinyBundle());
    const lone = await openBundle(join(await tinyBundle(), name));
    const { files, ...description } = lone.metadata;
    await t.throwsAsync(openBundle(join(await tinyBundle(), name), { precision: 'int8' }), {
      code: 'MODEL_INVALID',
      message: /folder for precision int8 but it is a lone file/,
    });
    t.deepEqual(Object.keys(files), [name]);
    t.like(whole.metadata, { ...description });
    t.is(lone.tfjsPath, undefined);
  });

  test(`a lone ${name} with a changed byte is refused`, async (t) => {
    for (const at of [0.001, 0.5, 1]) {
      const path = join(folder, `${String(at)}-${name}`);
      await writeFile(path, await damaged(name, at));
      const error = await t.throwsAsync(openBundle(path), { code: 'MODEL_INVALID' });
      t.true(error.message.includes(path));
      await rm(path);
    }
  });
}

for (const [name, at] of [
  ['model.onnx', 0.5],
  ['tfjs/model.json', 0.5],
  ['tfjs/group1-shard1of3.bin', 0.999],
] as const) {
  test(`a changed byte in ${name} is found`, async (t) => {
    const files = Object.keys((await metadataOf(await tinyBundle())).files);
    t.true(files.includes(name), files.join());
    const copy = await copyWith({ [name]: await damaged(name, at) });
    const error = await t.throwsAsync(openBundle(copy), { code: 'MODEL_INVALID' });
    t.true(error.message.includes(name));
    t.regex(error.message, /expected SHA-256 [0-9a-f]{64} but it has [0-9a-f]{64}/);
  });
}

test('only the files of the engine that is going to run are hashed', async (t) => {
  const name = 'tfjs/group1-shard1of3.bin';
  const copy = await copyWith({ [name]: await damaged(name, 0.5) });
  await t.notThrowsAsync(openBundle(copy, { engine: 'onnx' }));
  await t.throwsAsync(openBundle(copy, { engine: 'tfjs' }), { code: 'MODEL_INVALID' });
});

for (const name of ['model.onnx', 'model.fp16.onnx', 'tfjs/model.json']) {
  test(`a bundle without its ${name}, or with a piece of it, is refused`, async (t) => {
    const without = await copyWith({ [name]: undefined });
    const gone = await t.throwsAsync(openBundle(without), { code: 'MODEL_INVALID' });
    t.regex(gone.message, new RegExp(`expected ${name} but it is not there`));
    const cut = await copyWith({ [name]: (await damaged(name, 0)).subarray(0, 1000) });
    const short = await t.throwsAsync(openBundle(cut), { code: 'MODEL_INVALID' });
    t.regex(short.message, /expected \d+ bytes but it has 1000/);
  });
}

for (const [what, change, reason] of [
  [
    'no class list',
    (m) => delete (m as Partial<Metadata>).classes,
    /names for classes but found nothing/,
  ],
  [
    'one class',
    (m) => (m.classes = ['a']),
    /2 to 100 different names for classes but found \["a"\]/,
  ],
  ['a class twice', (m) => (m.classes = ['a', 'a']), /different names/],
  [
    'another class',
    (m) => (m.classes[0] = 'x'),
    /expected the description that model.onnx carries/,
  ],
  [
    'another format',
    (m) => (m['format'] = 'x'),
    /expected "lungcls-bundle" for format but found "x"/,
  ],
  ['a later version', (m) => (m['version'] = 3), /version/],
  ['other pixels', (m) => (m['pixels'] = 'x'), /expected inception or recipe for pixels/],
  ['another fingerprint', (m) => (m['preprocessingFingerprint'] = '0'), /preprocessingFingerprint/],
  ['no base', (m) => (m['base'] = {}), /expected an id and a fingerprint for base/],
  ['no files', (m) => delete (m as Partial<Metadata>).files, /an object for files/],
  ['a file outside', (m) => (m.files['../x'] = { sha256: '0'.repeat(64), bytes: 1 }), /\.\.\/x/],
  ['model.onnx not listed', (m) => delete m.files['model.onnx'], /model\.onnx under files/],
] as [string, (metadata: Metadata) => unknown, RegExp][]) {
  test(`lungcls.json with ${what} is refused`, async (t) => {
    const copy = await copyWith({ 'lungcls.json': await edited(change) });
    const error = await t.throwsAsync(openBundle(copy), { code: 'MODEL_INVALID' });
    t.regex(error.message, reason);
  });
}

test('what is no model is refused', async (t) => {
  const invalid = { code: 'MODEL_INVALID' };
  const empty = join(folder, 'empty');
  await mkdir(empty);
  const noMetadata = await t.throwsAsync(openBundle(empty), invalid);
  t.regex(noMetadata.message, /there is no lungcls\.json in it/);
  await t.throwsAsync(openBundle(await copyWith({ 'lungcls.json': '{"a":' })), invalid);

  const text = join(folder, 'text.onnx');
  await writeFile(text, 'This is not a model, whatever its name says.');
  const notOnnx = await t.throwsAsync(openBundle(text), invalid);
  t.regex(notOnnx.message, /not a sound ONNX file/);

  const foreign = join(folder, 'foreign.onnx');
  const value = { name: 'x', type: 'float32', shape: [1] } as const;
  const nodes = [{ name: 'y', type: 'Relu', inputs: ['x'], output: 'y' }];
  const output = { ...value, name: 'y' };
  await writeFile(
    foreign,
    modelBytes({ name: 'g', nodes, initializers: [], input: value, output, metadata: {} }),
  );
  const notOurs = await t.throwsAsync(openBundle(foreign), invalid);
  t.regex(notOurs.message, /expected an \.onnx that lungcls-fast wrote/);

  await t.throwsAsync(openBundle(join(folder, 'nowhere')), { code: 'INPUT_NOT_FOUND' });
});
