/**
 * Tiles of the product beside OpenCV's, byte by byte (by SHA-256): random JPEGs of every kind, `cv2`,
 * `area` and `fast`, and each tile of an archive, with every vector code that this CPU can run.
 *
 *   npm run bench:parity -- [--archive lc25000-lung-224.zip] [--random 3000] [--seed 1]
 *     [--python PYTHON] [--record]
 *
 * PYTHON needs opencv-python, numpy and pillow. Ends with 1 if any tile differs; --record writes the
 * counts into bench/results/parity.json and parity.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readZip } from '#src/dataset/zip.js';
import { loadAddon } from '#src/native/addon.js';
import { describeMachine, type Machine } from './machine.js';
import { compareAll, type Counts, type Expected } from './parity/compare.js';

interface Results {
  machine: Machine;
  date: string;
  opencv: string;
  seed: number;
  /** By vector code. */
  counts: Record<string, Counts[]>;
}

const RESULTS = join('bench', 'results');
const SCRIPTS = join('test', 'fixtures', 'pixels');
/** The portable code is a hundred times slower: it takes one tile of the archive in so many. */
const SCALAR_STEP = 10;

const { values } = parseArgs({
  options: {
    archive: { type: 'string', default: join('..', 'shared', 'data', 'lc25000-lung-224.zip') },
    random: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    python: { type: 'string' },
    record: { type: 'boolean', default: false },
    compare: { type: 'string' },
  },
});

function findPython(): string {
  const candidates = [values.python, process.env['LUNGCLS_PYTHON'], join('.venv', 'bin', 'python')];
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error('No Python with OpenCV: give one by --python');
  return found;
}

const maxBuffer = 256 * 1024 * 1024;

/** OpenCV's tiles, into `folder`/expected.json. */
async function expect(folder: string, python: string): Promise<void> {
  const expected: Expected = { sets: [] };
  for (const [script, what] of [
    ['make_pixels.py', 'random JPEGs, `cv2`'],
    ['make_modes.py', 'random JPEGs, `area` and `fast`'],
  ] as const) {
    const files = join(folder, script);
    await mkdir(files);
    const args = [join(SCRIPTS, script), 'random', files, values.random, values.seed];
    execFileSync(python, args, { stdio: 'inherit' });
    const list = join(files, script === 'make_pixels.py' ? 'pixels.json' : 'modes.json');
    expected.sets.push({ what, kind: 'files', folder: files, list });
  }
  if (existsSync(values.archive)) {
    const { images } = await readZip(resolve(values.archive));
    const hashes = execFileSync(
      python,
      [join(SCRIPTS, 'make_pixels.py'), 'zip', values.archive, '256'],
      { input: [...images].map(({ path }) => path).join('\n'), encoding: 'utf8', maxBuffer },
    );
    const list = join(folder, 'archive.json');
    await writeFile(list, JSON.stringify(hashes.trim().split('\n')));
    const archive = resolve(values.archive);
    expected.sets.push({ what: 'every tile of the archive', kind: 'archive', archive, list });
  }
  await writeFile(join(folder, 'expected.json'), JSON.stringify(expected));
}

function markdown({ machine, date, opencv, seed, counts }: Results): string {
  const rows = Object.entries(counts).flatMap(([vector, sets]) =>
    sets.map(
      ({ what, tiles, bytes, different, damaged }) =>
        `| ${vector} | ${what} | ${tiles.toLocaleString('en')} | ${damaged.toLocaleString('en')} | ${bytes.toLocaleString('en')} | ${different} |`,
    ),
  );
  return [
    '# Tiles beside OpenCV’s',
    '',
    `OpenCV ${opencv}, ${machine.cpu}, ${machine.os}, Node ${machine.node}, commit ${machine.commit}, ${date}; seed ${seed}. ` +
      `Random files: 1 x 1 to 800 x 800 pixels, every sampling, gray, CMYK and RGB, restart markers, progressive, any quality, EXIF orientations. Made by \`npm run bench:parity\`; the portable code (scalar) takes one tile of the archive in ${SCALAR_STEP}.`,
    '',
    '| vector code | what | tiles | of them damaged files | bytes | tiles that differ |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

if (values.compare !== undefined) {
  // The child: one vector code.
  const list = await readFile(join(values.compare, 'expected.json'), 'utf8');
  const step = loadAddon().vectorCode() === 'scalar' ? SCALAR_STEP : 1;
  const counts = await compareAll(JSON.parse(list) as Expected, step);
  process.stdout.write(JSON.stringify(counts));
} else {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-parity-'));
  try {
    const python = findPython();
    await expect(folder, python);
    const counts: Record<string, Counts[]> = {};
    for (const vector of loadAddon().vectorCodes()) {
      const args = [fileURLToPath(import.meta.url), '--compare', folder];
      const env = { ...process.env, LUNGCLS_VECTOR: vector };
      const said = execFileSync(process.execPath, args, { encoding: 'utf8', env, maxBuffer });
      counts[vector] = JSON.parse(said) as Counts[];
      for (const { what, tiles, different, examples } of counts[vector]) {
        const which = examples.length === 0 ? '' : `: ${examples.join('; ')}`;
        process.stdout.write(`${vector}, ${what}: ${tiles} tiles, ${different} differ${which}\n`);
        if (different > 0) process.exitCode = 1;
      }
    }
    if (values.record) {
      const results: Results = {
        machine: describeMachine(),
        date: new Date().toISOString().slice(0, 10),
        opencv: execFileSync(python, ['-c', 'import cv2; print(cv2.__version__, end="")'], {
          encoding: 'utf8',
        }),
        seed: Number(values.seed),
        counts,
      };
      await writeFile(join(RESULTS, 'parity.json'), `${JSON.stringify(results, null, 2)}\n`);
      await writeFile(join(RESULTS, 'parity.md'), markdown(results));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
