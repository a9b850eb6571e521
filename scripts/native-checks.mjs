// Checks of the C++ code that need builds of their own, below build/checks/.
//   node scripts/native-checks.mjs test          the C++ tests
//   node scripts/native-checks.mjs sanitizers    the same under ASan and UBSan, then under TSan
//   node scripts/native-checks.mjs fuzz [FUZZER...] [--seconds N] [--record] [--keep]
//     each fuzzer, or those named, for so long (20), from the stored corpus; --record adds it to
//     bench/results/fuzz.*, --keep renews the stored corpus
//   node scripts/native-checks.mjs lint          clang-format and clang-tidy
// Environment: CLANG_SUFFIX (such as -16) where clang is not installed under its plain name.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FUZZERS, keepCorpus, writeCorpus } from './fuzz-corpus.mjs';
import { recordFuzzing } from './fuzz-results.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const builds = join(root, 'build', 'checks');
const jobs = String(Math.max(1, availableParallelism()));

class CheckFailed extends Error {}

function run(command, args, options = {}) {
  console.log(`> ${[command, ...args].join(' ')}`);
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error !== undefined) throw new CheckFailed(`${command}: ${result.error.message}`);
  if (result.status !== 0) {
    throw new CheckFailed(`${command} failed (${String(result.status ?? result.signal)})`);
  }
}

/** The name under which a tool of LLVM is installed here. */
function llvmTool(name) {
  const suffixes = [process.env.CLANG_SUFFIX, '', '-19', '-18', '-17', '-16', '-15', '-14'];
  for (const suffix of suffixes) {
    if (suffix === undefined) continue;
    const { status } = spawnSync(name + suffix, ['--version'], { stdio: 'ignore' });
    if (status === 0) return name + suffix;
  }
  throw new CheckFailed(`${name} is not installed: apt-get install clang clang-tidy clang-format`);
}

/** Configures and builds native/ into build/checks/<name>. */
function build(name, options) {
  const folder = join(builds, name);
  const ninja = spawnSync('ninja', ['--version'], { stdio: 'ignore' }).status === 0;
  run('cmake', [
    ...['-S', 'native', '-B', folder],
    ...(ninja && !existsSync(join(folder, 'CMakeCache.txt')) ? ['-G', 'Ninja'] : []),
    ...Object.entries(options).map(([key, value]) => `-D${key}=${value}`),
  ]);
  run('cmake', ['--build', folder, '--parallel', jobs]);
  return folder;
}

function buildAndTest(name, options, env = {}) {
  const folder = build(name, { LUNGCLS_TESTS: 'ON', LUNGCLS_WERROR: 'ON', ...options });
  run('ctest', ['--test-dir', folder, '--output-on-failure'], { env: { ...process.env, ...env } });
}

const debug = { CMAKE_BUILD_TYPE: 'RelWithDebInfo' };

const commands = {
  test() {
    buildAndTest('plain', {});
  },
  sanitizers() {
    buildAndTest('asan', { ...debug, LUNGCLS_SANITIZE: 'address,undefined' });
    buildAndTest('tsan', { ...debug, LUNGCLS_SANITIZE: 'thread' });
  },
  async fuzz(...args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: '20' },
        record: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
      },
    });
    const unknown = positionals.find((name) => !FUZZERS.includes(name));
    if (unknown !== undefined) throw new CheckFailed(`Expected one of ${FUZZERS.join(', ')}`);
    const clang = llvmTool('clang++');
    const folder = build('fuzz', {
      ...debug,
      LUNGCLS_FUZZ: 'ON',
      LUNGCLS_SANITIZE: 'address,undefined',
      CMAKE_C_COMPILER: llvmTool('clang'),
      CMAKE_CXX_COMPILER: clang,
    });
    const seeds = await writeCorpus(join(builds, 'seeds'));
    let failed;
    for (const target of positionals.length === 0 ? FUZZERS : positionals) {
      // What the fuzzer finds stays for the next run; the seeds are not written to.
      const found = join(builds, 'corpus', target);
      mkdirSync(found, { recursive: true });
      const fuzzer = join(folder, 'fuzz', target);
      const outcome = await fuzzOnce(fuzzer, values.seconds, found, join(seeds, target));
      if (values.record) {
        const version = spawnSync(clang, ['-dumpversion'], { encoding: 'utf8' }).stdout.trim();
        await recordFuzzing({
          ...{ target, ...outcome, corpus: readdirSync(found).length },
          tool: `libFuzzer, ASan and UBSan (clang ${version.split('.')[0]})`,
        });
      }
      if (outcome.findings > 0) failed ??= target;
      else if (values.keep) await keepCorpus(fuzzer, target, found);
    }
    if (failed !== undefined) throw new CheckFailed(`${failed} has a finding`);
  },
  lint() {
    const files = sources(join(root, 'native'));
    run(llvmTool('clang-format'), ['--dry-run', '-Werror', ...files]);
    const modules = dirname(
      createRequire(import.meta.url).resolve('node-api-headers/package.json'),
    );
    const napi = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'));
    const folder = join(builds, 'lint');
    run('cmake', [
      ...['-S', 'native', '-B', folder, '-DCMAKE_JS_VERSION=lint'],
      `-DCMAKE_JS_INC=${modules}/include;${napi}`,
      `-DCMAKE_CXX_COMPILER=${llvmTool('clang++')}`,
    ]);
    const compiled = files.filter((file) => /\/(core|binding)\/.*\.cpp$/.test(file));
    // One process a file, as many at a time as there are CPUs.
    run('xargs', ['-P', jobs, '-n', '3', llvmTool('clang-tidy'), '-p', folder, '--quiet'], {
      input: compiled.join('\n'),
      stdio: ['pipe', 'inherit', 'inherit'],
    });
  },
};

/** Runs a fuzzer, showing what it says; what it has done, by its own words. */
async function fuzzOnce(fuzzer, seconds, found, seeds) {
  const args = [
    `-max_total_time=${seconds}`,
    '-max_len=16384',
    '-timeout=20',
    '-rss_limit_mb=2048',
    '-print_final_stats=1',
    `-artifact_prefix=${found}-`,
    found,
    seeds,
  ];
  console.log(`> ${[fuzzer, ...args].join(' ')}`);
  const start = performance.now();
  const child = spawn(fuzzer, args, { cwd: root, stdio: ['ignore', 'inherit', 'pipe'] });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    process.stderr.write(text);
    tail = (tail + text).slice(-20_000);
  });
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const last = (pattern) => Number([...tail.matchAll(pattern)].at(-1)?.[1] ?? 0);
  return {
    seconds: (performance.now() - start) / 1000,
    executions: last(/stat::number_of_executed_units:\s*(\d+)/g) || last(/^#(\d+)/gm),
    coverage: last(/ cov: (\d+)/g),
    // A run that was stopped found nothing, and counts for the time it took.
    findings: status === 0 || tail.includes('libFuzzer: run interrupted') ? 0 : 1,
  };
}

/** All C++ files below `folder`. */
function sources(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[ch]pp$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

const [command = '', ...rest] = process.argv.slice(2);
try {
  if (!Object.hasOwn(commands, command)) {
    throw new CheckFailed(`Expected one of ${Object.keys(commands).join(', ')}`);
  }
  await commands[command](...rest);
} catch (error) {
  if (!(error instanceof CheckFailed)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
