/**
 * The decoder beside OpenCV, Pillow, sharp and libjpeg-turbo, from files to tiles of 256 x 256: on one
 * core and on all of them, in one run, round by round in turn. Writes decode.json and decode.md.
 *
 *   npm run bench:decode -- [--archive lc25000-lung-224.zip] [--rounds 9] [--python PYTHON]
 *     [--note TEXT] [-o bench/results]
 *
 * PYTHON needs opencv-python and pillow (default: .venv's, LUNGCLS_PYTHON's). Also needed: a C++
 * compiler, libjpeg-turbo's headers, and taskset.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Peer, type PeerCommand } from './decode/peer.js';
import { table, type Results, type SetResult, type Trial } from './decode/results.js';
import { writeTileSets, type TileSet } from './decode/tiles.js';
import { describeMachine } from './machine.js';

const SIZE = '256';
const here = dirname(fileURLToPath(import.meta.url));
const sources = join('bench', 'decode');

const { values } = parseArgs({
  options: {
    archive: { type: 'string', default: join('..', 'shared', 'data', 'lc25000-lung-224.zip') },
    rounds: { type: 'string', default: '9' },
    python: { type: 'string' },
    note: { type: 'string', multiple: true, default: [] },
    output: { type: 'string', short: 'o', default: join('bench', 'results') },
  },
});

function findPython(): string {
  const candidates = [values.python, process.env['LUNGCLS_PYTHON'], join('.venv', 'bin', 'python')];
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error('No Python with OpenCV: give one by --python');
  return found;
}

function compilePeer(folder: string): string {
  const program = join(folder, 'libjpeg');
  const args = ['-O3', '-std=c++20', join(sources, 'libjpeg.cpp'), '-ljpeg', '-o', program];
  execFileSync('c++', args, { stdio: 'inherit' });
  return program;
}

/** glibc gives large blocks back to the system at once, and takes new pages for the next image. */
const KEEP_MEMORY = { MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_TRIM_THRESHOLD_: '4294967296' };

function peers(set: TileSet, threads: number, python: string, libjpeg: string): PeerCommand[] {
  const args = [set.folder, SIZE, String(threads)];
  const node = (name: string, file: string, mode = '', env = {}): PeerCommand => ({
    name,
    command: process.execPath,
    args: [join(here, 'decode', file), ...args, ...(mode === '' ? [] : [mode])],
    env,
  });
  const script = (name: string, library: string, env = {}): PeerCommand => ({
    name,
    command: python,
    args: [join(sources, 'peer.py'), library, ...args],
    env,
  });
  const turbo = (name: string, mode: string): PeerCommand => ({
    name,
    command: libjpeg,
    args: [mode, set.folder, SIZE],
  });
  const all = [
    node('lungcls-fast, `cv2`', 'ours.js', 'cv2'),
    node('lungcls-fast, `cv2`, AVX2 at most', 'ours.js', 'cv2', { LUNGCLS_VECTOR: 'avx2' }),
    node('lungcls-fast, `area`', 'ours.js', 'area'),
    node('lungcls-fast, `fast`', 'ours.js', 'fast'),
    script('OpenCV', 'opencv'),
    script('OpenCV, into memory that it keeps', 'opencv-into', KEEP_MEMORY),
    script('Pillow, BILINEAR', 'pillow'),
    node('sharp', 'sharp.js', '', { UV_THREADPOOL_SIZE: String(threads) }),
  ];
  if (threads > 1) return all;
  return [
    ...all,
    turbo('libjpeg-turbo, no resize', 'full'),
    turbo('libjpeg-turbo, scaled', 'scaled'),
    turbo('libjpeg-turbo, entropy decoding only', 'entropy'),
    turbo('reading the files', 'read'),
  ];
}

/** One after the other in each round, so that what else the machine does meets them all. */
async function compare(
  set: TileSet,
  oneCore: PeerCommand[],
  allCores: PeerCommand[],
): Promise<{ oneCore: Trial[]; allCores: Trial[] }> {
  const running = [
    ...oneCore.map((command) => new Peer(command, '0')),
    ...allCores.map((command) => new Peer(command, undefined)),
  ];
  try {
    for (const peer of running) await peer.ready();
    const trials = running.map(({ name }): Trial => ({
      name,
      tilesPerSecond: [],
      tilesPerCpuSecond: [],
    }));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [i, peer] of running.entries()) {
        const { passes, seconds, cpuSeconds } = await peer.run();
        trials[i]?.tilesPerSecond.push(Math.round((passes * set.files) / seconds));
        trials[i]?.tilesPerCpuSecond.push(Math.round((passes * set.files) / cpuSeconds));
      }
    }
    return { oneCore: trials.slice(0, oneCore.length), allCores: trials.slice(oneCore.length) };
  } finally {
    for (const peer of running) peer.stop();
  }
}

await mkdir(values.output, { recursive: true });
const folder = await mkdtemp(join(tmpdir(), 'lungcls-decode-'));
try {
  const python = findPython();
  const libjpeg = compilePeer(folder);
  const cores = availableParallelism();
  const sets: SetResult[] = [];
  for (const set of await writeTileSets(values.archive, folder)) {
    process.stderr.write(`${set.what}: ${set.files} files of ${set.bytes} bytes\n`);
    sets.push({
      what: set.what,
      files: set.files,
      bytes: set.bytes,
      ...(await compare(set, peers(set, 1, python, libjpeg), peers(set, cores, python, libjpeg))),
    });
  }
  const results: Results = {
    machine: describeMachine(),
    date: new Date().toISOString().slice(0, 10),
    rounds: Number(values.rounds),
    versions: execFileSync(
      python,
      [
        '-c',
        'import cv2, PIL; print(f"OpenCV {cv2.__version__}, Pillow {PIL.__version__}", end="")',
      ],
      { encoding: 'utf8' },
    ),
    notes: values.note,
    sets,
  };
  await writeFile(join(values.output, 'decode.json'), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(join(values.output, 'decode.md'), table(results));
  process.stdout.write(table(results));
} finally {
  await rm(folder, { recursive: true, force: true });
}
