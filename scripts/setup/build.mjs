// What is compiled from this repository: the native addon and the TypeScript.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, readJson, writeJson } from './files.mjs';
import { run } from './process.mjs';
import { ensure } from './system.mjs';

const NATIVE_SOURCES = ['CMakeLists.txt', 'package.json', 'cmake', 'core', 'binding'];

function addonPaths({ root, build }) {
  return {
    sources: NATIVE_SOURCES.map((name) => join(root, 'native', name)),
    stamp: join(build, 'native', 'setup.json'),
    script: join(root, 'scripts', 'build-addon.mjs'),
    addon: join(build, 'native', 'Release', 'lungcls.node'),
  };
}

async function addonKey(context) {
  const versions = ['cmake-js', 'node-addon-api', 'node-api-headers'].map((name) =>
    context.packageDirectory(name),
  );
  const manifests = versions.filter(Boolean).map((directory) => join(directory, 'package.json'));
  const { sources, script } = addonPaths(context);
  return fingerprint([...sources, script, ...manifests], process.platform, process.arch);
}

export const addonStep = {
  name: 'native addon',
  async state(context) {
    const { stamp, addon } = addonPaths(context);
    const built = await readJson(stamp);
    if (!existsSync(addon)) return { done: false, detail: 'not built' };
    if (built?.key !== (await addonKey(context))) {
      return { done: false, detail: 'its sources have changed' };
    }
    return { done: true, detail: 'built' };
  },
  async run(context) {
    await ensure(context, ['cmake', 'make', 'compiler', 'jpeg', 'zlib', 'highway']);
    // Without it tfjs alone trains, more slowly: said, and no reason to stop.
    const slower = await ensure(context, ['libxsmm']).then(
      () => '',
      (error) => `; without the training kernel: ${error.message}`,
    );
    const { stamp, script } = addonPaths(context);
    // Taken before the build: a source that changes meanwhile is built again the next time.
    const key = await addonKey(context);
    await run(process.execPath, [script], { cwd: context.root });
    await writeJson(stamp, { key });
    return `built${slower}`;
  },
};

/** The projects to build: the tests' and the benchmarks' only where they are wanted. */
function projects({ flags }) {
  return flags['for-tests'] || flags['for-ci']
    ? ['tsconfig.json', 'test', 'bench']
    : ['tsconfig.json'];
}

async function typescriptKey(context) {
  const names = projects(context).flatMap((name) =>
    name === 'tsconfig.json' ? ['tsconfig.json', 'src'] : [name],
  );
  const compiler = join(context.packageDirectory('typescript') ?? '', 'package.json');
  return fingerprint([...names.map((name) => join(context.root, name)), compiler]);
}

function typescriptStamp(context) {
  return join(context.build, `typescript-${projects(context).length}.json`);
}

export const typescriptStep = {
  name: 'TypeScript',
  async state(context) {
    const main = join(context.root, 'dist', 'cli', 'main.js');
    if (!context.checkout) return { done: existsSync(main), detail: 'comes built' };
    if (!existsSync(main)) return { done: false, detail: 'not built' };
    const built = await readJson(typescriptStamp(context));
    if (built?.key !== (await typescriptKey(context))) {
      return { done: false, detail: 'its sources have changed' };
    }
    return { done: true, detail: 'built' };
  },
  async run(context) {
    const { root, packageDirectory } = context;
    const key = await typescriptKey(context);
    const tsc = join(packageDirectory('typescript'), 'bin', 'tsc');
    // Where dist/ was removed by hand tsc still takes it for up to date.
    const force = existsSync(join(root, 'dist', 'cli', 'main.js')) ? [] : ['--force'];
    await run(process.execPath, [tsc, '-b', ...force, ...projects(context)], { cwd: root });
    await writeJson(typescriptStamp(context), { key });
    return 'built';
  },
};
