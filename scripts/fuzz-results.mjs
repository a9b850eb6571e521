// What fuzzing has cost and found, added up in bench/results/fuzz.json and shown in fuzz.md.
//   node scripts/fuzz-results.mjs '{"target": ..., "seconds": ..., "executions": ..., "findings": ..., "tool": ...}'
import { createHash } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const JSON_FILE = join(root, 'bench', 'results', 'fuzz.json');
const TABLE_FILE = join(root, 'bench', 'results', 'fuzz.md');

/** What each fuzzer puts to the test. Time spent on other versions of these files does not count. */
const SOURCES = {
  fuzz_exif: ['native/core/exif.cpp', 'native/fuzz/fuzz_exif.cpp'],
  fuzz_sparse: ['native/core/jpeg_sparse', 'native/test/jpeg_sparse_fuzz.cpp'],
  fuzz_tile: ['native/core/jpeg.cpp', 'native/core/exif.cpp', 'native/fuzz/fuzz_tile.cpp'],
  fuzz_zip: ['native/core/zip_entry.cpp', 'native/core/file.cpp', 'native/fuzz/fuzz_zip.cpp'],
  'parser zip-directory': [
    ...['src/dataset/zip.ts', 'src/dataset/zip-reader.ts', 'src/dataset/image-list.ts'],
    ...['src/dataset/packed-paths.ts', 'src/dataset/packed-names.ts'],
  ],
  'parser tar': ['src/dataset/tar.ts', 'src/dataset/tar-bytes.ts', 'src/dataset/tar-header.ts'],
  'parser npy': ['src/storage/npy.ts'],
  'parser safetensors': ['src/storage/safetensors.ts'],
  'parser csv': ['src/storage/csv.ts'],
  'parser list-of-names': ['src/dataset/list.ts'],
  'parser journal': ['src/imaging/tile-journal.ts', 'src/imaging/tile-records.ts'],
  'parser store.json': ['src/imaging/tile-store-format.ts', 'src/storage/json.ts'],
  'parser lungcls.json': ['src/bundle/metadata.ts', 'src/storage/json.ts'],
  'parser onnx-metadata': ['src/onnx/metadata.ts', 'src/onnx/protobuf.ts'],
  'parser js-literal': ['src/network/js-literal.ts', 'src/network/nsfwjs.ts'],
  'parser tarball': ['src/network/tarball.ts'],
  'parser keras-zip': ['src/network/zip-entry.ts'],
  'parser hdf5': [
    ...['src/network/hdf5.ts', 'src/network/keras-file.ts', 'src/network/keras-apart.ts'],
    'src/runtime/watched-thread.ts',
  ],
  'parser model.json': ['src/bundle/layers-model.ts', 'src/storage/json.ts'],
  'parser domain': ['src/domain/file.ts', 'src/storage/safetensors.ts'],
  'parser statistics': ['src/onnx/calibration.ts'],
  'parser result-rows jsonl': ['src/inference/result-rows.ts', 'src/storage/json.ts'],
  'parser result-rows parquet': [
    ...['src/inference/parquet-reader.ts', 'src/inference/parquet-thread.ts'],
    'src/runtime/watched-thread.ts',
  ],
  'parser job-record': ['src/inference/job-record.ts', 'src/storage/json.ts'],
  'parser bench.json': ['src/bench/read.ts', 'src/bench/compare.ts', 'src/storage/json.ts'],
  'parser bmp': ['src/imaging/bmp-decoder.ts'],
  'parser pictures': ['src/imaging/sharp-decoder.ts'],
};
const WHAT = {
  fuzz_exif: 'EXIF orientation, and turning by it',
  fuzz_sparse: 'sparse JPEG decoder against libjpeg-turbo, all vector kernels',
  fuzz_tile: 'any bytes to a tile, by libjpeg-turbo',
  fuzz_zip: 'zip entries: local header, inflate, checksum',
};

async function filesOf(path) {
  const full = join(root, path);
  if ((await stat(full)).isFile()) return [path];
  const entries = await readdir(full, { withFileTypes: true });
  const code = entries.filter((entry) => entry.isFile() && /\.[ch]pp$/.test(entry.name));
  return code.map((entry) => `${path}/${entry.name}`).sort();
}

async function versionOf(target) {
  const hash = createHash('sha256');
  for (const path of SOURCES[target] ?? []) {
    for (const file of await filesOf(path)) hash.update(await readFile(join(root, file)));
  }
  return SOURCES[target] === undefined ? undefined : hash.digest('hex').slice(0, 16);
}

async function stored() {
  try {
    return JSON.parse(await readFile(JSON_FILE, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { targets: {} };
  }
}

/**
 * Adds a run to the results: {target, seconds, executions, findings, tool, coverage?, corpus?, what?}.
 * Runs of the same sources by the same tool add up; others begin anew.
 */
export async function recordFuzzing(run) {
  for (const field of ['target', 'seconds', 'executions', 'findings', 'tool']) {
    if (run[field] === undefined) throw new Error(`A run of a fuzzer needs its ${field}`);
  }
  const results = await stored();
  const sources = run.sources ?? (await versionOf(run.target));
  const before = results.targets[run.target];
  const goesOn = before?.sources === sources && before?.tool === run.tool;
  results.targets[run.target] = {
    what: run.what ?? WHAT[run.target],
    seconds: Math.round(run.seconds) + (goesOn ? before.seconds : 0),
    executions: run.executions + (goesOn ? before.executions : 0),
    findings: run.findings + (goesOn ? before.findings : 0),
    runs: 1 + (goesOn ? before.runs : 0),
    coverage: run.coverage,
    corpus: run.corpus,
    lastRun: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    tool: run.tool,
    sources,
  };
  const targets = Object.entries(results.targets).sort(([a], [b]) => (a < b ? -1 : 1));
  results.targets = Object.fromEntries(targets);
  await writeFile(JSON_FILE, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(TABLE_FILE, table(results.targets));
}

const number = new Intl.NumberFormat('en-US');

function table(targets) {
  const rows = Object.entries(targets).map(([name, t]) => [
    `\`${name}\``,
    t.what,
    (t.seconds / 3600).toFixed(2),
    number.format(t.executions),
    number.format(t.findings),
    t.tool,
    t.lastRun,
  ]);
  const head = ['fuzzer', 'what', 'hours', 'executions', 'findings', 'with', 'last run'];
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [
    '# Fuzzing',
    '',
    'Hours and executions of the sources as they are; written by `scripts/native-checks.mjs fuzz --record`',
    'and `build/bench/fuzz/run.js --record`.',
    '',
    line(head),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.map(line),
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await recordFuzzing(JSON.parse(process.argv[2] ?? '{}'));
}
