/** What is read from others: tarballs, JavaScript modules, Keras files, base folders. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { importBase, listBases, loadBase } from '#src/network/bases.js';
import { knownBases } from '#src/network/base-list.js';
import { writeBase } from '#src/network/base-store.js';
import { inceptionV3ToMixed7 } from '#src/network/inception-v3.js';
import { parseLiteral } from '#src/network/js-literal.js';
import { readKerasFileApart } from '#src/network/keras-apart.js';
import { integrityOf, checkIntegrity } from '#src/network/npm-pack.js';
import { readNsfwjsModel } from '#src/network/nsfwjs.js';
import { readTarball } from '#src/network/tarball.js';
import { weightShapes } from '#src/network/weights.js';
import { hashedWeights } from '../fixtures/network/hashed.js';

const graph = inceptionV3ToMixed7();
const shape = [96, 96, 3];

test('literals are read as JavaScript reads them', (t) => {
  const source = `x=f({a:1,"b-c":'two',d:[-.5,1e-3,2.,!0,!1,null,{}],e:{$f:[]}})`;
  t.deepEqual(JSON.parse(JSON.stringify(parseLiteral(source, 4))), {
    a: 1,
    'b-c': 'two',
    d: [-0.5, 0.001, 2, true, false, null, {}],
    e: { $f: [] },
  });
});

for (const source of ['{a:b}', '{a:1', '[1,,2]', '"abc', 'f()', '{a:1+1}', '"a\\x41"', '`a`', '']) {
  test(`not a literal: ${source}`, (t) => {
    t.throws(() => parseLiteral(source, 0), { instanceOf: SyntaxError });
  });
}

test('deep nesting is refused before the stack is', (t) => {
  t.throws(() => parseLiteral('['.repeat(1_000_000), 0), { instanceOf: SyntaxError });
});

test('__proto__ in a literal is a key like others', (t) => {
  const value = parseLiteral('{__proto__:{polluted:1}}', 0) as Record<string, unknown>;
  t.deepEqual(Object.keys(value), ['__proto__']);
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
});

/** A ustar header and the content, padded. */
function tarEntry(name: string, content: Uint8Array, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write(type, 156);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding]);
}

test('a tarball gives the files that are wanted', async (t) => {
  const tgz = gzipSync(
    Buffer.concat([
      tarEntry('package/', Buffer.alloc(0), '5'),
      tarEntry('package/a.txt', Buffer.from('alpha')),
      tarEntry('package/b.txt', Buffer.from('b'.repeat(513))),
      tarEntry('package/link', Buffer.alloc(0), '2'),
      Buffer.alloc(1024),
    ]),
  );
  const files = await readTarball(tgz, (name) => !name.endsWith('a.txt'), 'x.tgz');
  t.deepEqual([...files.keys()], ['package/b.txt']);
  t.is(files.get('package/b.txt')?.length, 513);
});

test('a damaged tarball is refused', async (t) => {
  const invalid = { code: 'BASE_INVALID' };
  await t.throwsAsync(
    readTarball(Buffer.from('no gzip'), () => true, 'x.tgz'),
    invalid,
  );
  const cut = tarEntry('package/a', Buffer.alloc(2000)).subarray(0, 1024);
  await t.throwsAsync(
    readTarball(gzipSync(cut), () => true, 'x.tgz'),
    invalid,
  );
});

test("integrity is the lockfile's", (t) => {
  // echo -n abc | openssl dgst -sha512 -binary | base64 -w0
  const abc =
    'sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==';
  t.is(integrityOf(Buffer.from('abc')), abc);
  t.throws(
    () => {
      checkIntegrity(Buffer.from('abd'), abc, 'x@1');
    },
    { code: 'HASH_MISMATCH' },
  );
});

/** A package's model folder in nsfwjs's form, with weights of one byte each. */
function quantisedModel(): Map<string, Uint8Array> {
  const bytes: Buffer[] = [];
  const entries: string[] = [];
  for (const [name, weightShape] of weightShapes(graph, shape)) {
    const [layer = '', weight = ''] = name.split('/');
    const number = Number(/_(\d+)$/.exec(layer)?.[1] ?? 0) + 1;
    const kind = layer.replace(/_\d+$/, '');
    const count = weightShape.reduce((a, b) => a * b, 1);
    bytes.push(Buffer.alloc(count, number));
    entries.push(
      `{name:"${kind}_${String(number)}/${weight}",shape:[${weightShape.join(',')}],dtype:"float32",quantization:{min:-.5,scale:.25,dtype:"uint8"}}`,
    );
  }
  const all = Buffer.concat(bytes);
  const wrap = (literal: string): Buffer =>
    Buffer.from(`!function(e){module.exports=e()}(function(){n.exports=${literal}});`);
  return new Map([
    [
      'model.min.js',
      wrap(
        `{modelTopology:{},weightsManifest:[{paths:["g1","g2"],weights:[${entries.join(',')}]}]}`,
      ),
    ],
    ['g1.min.js', wrap(`"${all.subarray(0, 1001).toString('base64')}"`)],
    ['g2.min.js', wrap(`"${all.subarray(1001).toString('base64')}"`)],
  ]);
}

test("a model in nsfwjs's form is dequantised and renamed", (t) => {
  const weights = readNsfwjsModel(quantisedModel(), 'pkg@1');
  t.is(weights.size, 280);
  t.true(weights.get('conv2d/kernel')?.data.every((value) => value === 1 * 0.25 - 0.5));
  t.true(weights.get('batch_normalization_69/beta')?.data.every((v) => v === 70 * 0.25 - 0.5));
});

test('a module that would run something is refused, not run', (t) => {
  const files = quantisedModel();
  files.set('model.min.js', Buffer.from('n.exports={a:process.exit(1)}'));
  const error = t.throws(() => readNsfwjsModel(files, 'pkg@1'));
  t.like(error, { code: 'BASE_INVALID' });
  t.regex(error.message, /pkg@1: model\.min\.js: expected a literal at offset/);
});

test('shards that end early are refused', (t) => {
  const files = quantisedModel();
  files.set('g2.min.js', Buffer.from('n.exports="AAAA"'));
  t.throws(() => readNsfwjsModel(files, 'p'), { message: /the shards end inside weight/ });
});

for (const [name, bytes, reason] of [
  ['text', Buffer.from('hello'), /neither HDF5 nor a zip/],
  ['nothing', Buffer.alloc(0), /neither HDF5 nor a zip/],
  [
    'a cut HDF5 file',
    Buffer.from('\x89HDF\r\n\x1a\n and then no more', 'latin1'),
    /not a sound HDF5 file/,
  ],
  ['a cut zip', Buffer.from('PK\x03\x04 and then no more', 'latin1'), /not a sound zip/],
] as const) {
  test(`importing ${name} is refused`, async (t) => {
    const error = await t.throwsAsync(readKerasFileApart(bytes, 'mine.h5'));
    t.like(error, { code: 'BASE_INVALID' });
    t.regex(error.message, /^mine\.h5/);
    t.regex(error.message, reason);
  });
}

test.serial('bases on disk: written, listed, loaded; damage is found', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'lungcls-bases-'));
  process.env['LUNGCLS_HOME'] = home;
  t.teardown(async () => {
    delete process.env['LUNGCLS_HOME'];
    await rm(home, { recursive: true, force: true });
  });
  const known = await knownBases();
  t.deepEqual(
    (await listBases()).map(({ id, state }) => ({ id, state })),
    known.map(({ id }) => ({ id, state: 'not fetched' })),
  );
  await t.throwsAsync(loadBase('nsfwjs-inception-v3'), {
    code: 'BASE_MISSING',
    message: /base fetch/,
  });
  await t.throwsAsync(loadBase('no-such'), { code: 'BASE_UNKNOWN' });
  await t.throwsAsync(loadBase('../evil'), { code: 'INVALID_OPTION' });

  const weights = hashedWeights(graph, shape);
  const record = { id: 'mine', name: 'Mine', description: '', licence: 'none', source: 'a test' };
  const written = await writeBase(record, weights);
  const loaded = await loadBase('mine');
  t.is(loaded.fingerprint, written.fingerprint);
  t.deepEqual(loaded.weights.get('conv2d_69/kernel'), weights.get('conv2d_69/kernel'));
  t.like((await listBases()).at(-1), {
    id: 'mine',
    state: 'fetched',
    fetchable: false,
    source: 'a test',
  });
  t.deepEqual(await readdir(join(home, 'bases')), ['mine']);

  const file = join(home, 'bases', 'mine', 'weights.safetensors');
  const bytes = await readFile(file);
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
  await writeFile(file, bytes);
  await t.throwsAsync(loadBase('mine'), {
    code: 'BASE_INVALID',
    message: /expected fingerprint/,
  });
  await writeFile(join(home, 'bases', 'mine', 'base.json'), '{');
  t.like((await listBases()).at(-1), { id: 'mine', state: 'damaged', available: false });

  await t.throwsAsync(importBase({ file: join(home, 'none.h5') }), {
    code: 'INPUT_NOT_FOUND',
  });
  await t.throwsAsync(importBase({ file: '' }), { code: 'INVALID_OPTION' });
  await t.throwsAsync(importBase({ file: 'x', name: 'nsfwjs-inception-v3' }), {
    code: 'INVALID_OPTION',
  });
});
