// libtensorflow for @tensorflow/tfjs-node(-gpu): fetched once into the home folder, the packages'
// binding compiled against it, both put where the packages look. Without it training falls back to
// the wasm backend, which needs nothing.
import { existsSync, lstatSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasNvidiaDriver } from './context.mjs';
import { download } from './download.mjs';
import { fingerprint, readJson, sha256File, writeJson } from './files.mjs';
import { libtensorflowSources } from './libtensorflow-sources.mjs';
import { run } from './process.mjs';
import { ensure, pythonName } from './system.mjs';

const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
const BINDING = 'tfjs_binding.node';

/** Takes the C library and the C headers out of a wheel. */
const UNPACK_WHEEL = `
import os, re, shutil, sys, zipfile
wheel, target = sys.argv[1:]
headers = re.compile(r'include/(tensorflow/c/|xla/tsl/c/|tsl/c/|.*/platform/ctstring)[^.]*\\.h$')
library = re.compile(r'libtensorflow(_cc|_framework)?\\.(so\\.2|2\\.dylib)$')
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        name = entry.filename.removeprefix('tensorflow/')
        if library.fullmatch(name): path = os.path.join(target, 'lib', name)
        elif headers.match(name): path = os.path.join(target, name)
        else: continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(entry) as source, open(path, 'wb') as copy:
            shutil.copyfileobj(source, copy, 1 << 22)
`;

const libraryDirectory = (context, source) => join(context.home, 'libtensorflow', source.id);
const triedFile = (context) => join(context.home, 'libtensorflow', 'tried.json');

function sources(context) {
  return libtensorflowSources({ gpu: context.flags.gpu || hasNvidiaDriver() });
}

/** The best source that is there already or has not been tried in vain. */
async function wanted(context) {
  const tried = context.flags.again ? {} : ((await readJson(triedFile(context))) ?? {});
  return sources(context).find((source) => tried[source.id] === undefined);
}

const installed = (context) =>
  PACKAGES.map((name) => context.packageDirectory(name)).filter(Boolean);

const bindingFile = (directory) => join(directory, 'lib', 'napi-v8', BINDING);
const stampFile = (directory) => join(directory, 'deps', 'lungcls.json');

/** What the compiled binding depends on. */
function bindingKey(context, source) {
  const [directory] = installed(context);
  const project = join(context.root, 'scripts', 'tfjs-binding');
  return fingerprint(
    [join(directory, 'binding'), project],
    source.id,
    process.platform,
    process.arch,
  );
}

async function fetchTarball(source, staging) {
  const archive = join(staging, 'archive.tar.gz');
  await download(source.url, archive, source.sha256);
  await mkdir(join(staging, 'content'));
  await run('tar', ['-xzf', archive, '-C', join(staging, 'content')]);
}

async function fetchWheel(context, source, staging) {
  await ensure(context, ['pip']);
  const python = pythonName();
  const place = ['--platform', source.platform, '--implementation', 'cp'];
  const version = ['--python-version', '3.11', '--abi', 'cp311', '--only-binary', ':all:'];
  const haste = ['--retries', '0', '--timeout', '15', '--no-input', '--disable-pip-version-check'];
  const requirement = `${source.package}==${source.version}`;
  await run(python, [
    ...['-m', 'pip', 'download', '--no-deps', '--quiet', '--dest', staging],
    ...[...place, ...version, ...haste, requirement],
  ]);
  const wheel = (await readdir(staging)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error(`pip gave no wheel for ${requirement}`);
  const path = join(staging, wheel);
  if (source.sha256 !== undefined) {
    const got = await sha256File(path);
    if (got !== source.sha256) {
      throw new Error(`${wheel} has the hash ${got} instead of ${source.sha256}`);
    }
  }
  await run(python, ['-c', UNPACK_WHEEL, path, join(staging, 'content')]);
}

/** Fetches a library unless it is there; the folder appears whole or not at all. */
async function fetchLibrary(context, source) {
  const target = libraryDirectory(context, source);
  if (existsSync(join(target, 'origin.json'))) return;
  const parent = dirname(target);
  await mkdir(parent, { recursive: true });
  // What a set-up that was killed left behind; one that runs for another checkout is a rare loss.
  for (const name of await readdir(parent)) {
    if (name.startsWith('.fetch-')) await rm(join(parent, name), { recursive: true, force: true });
  }
  const staging = await mkdtemp(join(parent, '.fetch-'));
  try {
    if (source.kind === 'download') await fetchTarball(source, staging);
    else await fetchWheel(context, source, staging);
    const content = join(staging, 'content');
    await writeJson(join(content, 'origin.json'), source);
    await rm(target, { recursive: true, force: true });
    await rename(content, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Compiles the packages' binding against a library; the result is kept in the home folder. */
async function compileBinding(context, source) {
  const key = await bindingKey(context, source);
  const parent = join(context.home, 'tfjs-binding');
  const compiled = join(parent, key);
  if (existsSync(join(compiled, BINDING))) return compiled;
  await ensure(context, ['cmake', 'make', 'compiler']);
  const [directory] = installed(context);
  const work = join(context.build, 'tfjs-binding');
  await rm(work, { recursive: true, force: true });
  const headers = join(context.packageDirectory('node-api-headers'), 'include');
  await run('cmake', [
    ...['-S', join(context.root, 'scripts', 'tfjs-binding'), '-B', work],
    ...['-DCMAKE_BUILD_TYPE=Release', `-DTFJS_PACKAGE=${directory}`],
    ...[
      `-DLIBTENSORFLOW_DIR=${libraryDirectory(context, source)}`,
      `-DNODE_API_INCLUDE=${headers}`,
    ],
  ]);
  await run('cmake', ['--build', work, '--parallel', '2']);
  await mkdir(parent, { recursive: true });
  const staging = await mkdtemp(join(parent, '.build-'));
  await copyFile(join(work, BINDING), join(staging, BINDING));
  await rm(compiled, { recursive: true, force: true });
  await rename(staging, compiled);
  await rm(work, { recursive: true, force: true });
  return compiled;
}

/** Puts library and binding where a package looks for them. */
async function link(context, source, compiled, directory) {
  const deps = join(directory, 'deps');
  await rm(stampFile(directory), { force: true });
  await rm(join(deps, 'lib'), { recursive: true, force: true });
  await mkdir(deps, { recursive: true });
  await symlink(join(libraryDirectory(context, source), 'lib'), join(deps, 'lib'));
  const binding = bindingFile(directory);
  await mkdir(dirname(binding), { recursive: true });
  // Not overwritten in place: a process may have it loaded.
  const temporary = `${binding}.${process.pid}.tmp`;
  await copyFile(join(compiled, BINDING), temporary);
  await rename(temporary, binding);
  await writeJson(stampFile(directory), {
    key: await bindingKey(context, source),
    library: source.id,
    origin: source.origin,
  });
}

/** Loads the package in a process of its own: the library may be too new for this system. */
async function tryOut(context, directory) {
  const script =
    'const util = require("util"); util.isNullOrUndefined ??= (v) => v === undefined || v === null;' +
    'const tf = require(process.argv[1]); if (tf.getBackend() !== "tensorflow") process.exit(1);';
  await run(process.execPath, ['-e', script, directory], {
    cwd: context.root,
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
    timeout: 120_000,
  });
}

async function isLinked(context, source, directory) {
  const stamp = await readJson(stampFile(directory));
  return (
    stamp?.key === (await bindingKey(context, source)) &&
    existsSync(bindingFile(directory)) &&
    existsSync(join(directory, 'deps', 'lib')) &&
    existsSync(join(libraryDirectory(context, source), 'origin.json'))
  );
}

export const libtensorflowStep = {
  name: 'libtensorflow',
  optional: true,
  async state(context) {
    const directories = installed(context);
    if (directories.length === 0) {
      return { done: true, detail: 'none: tfjs-node is not installed; training uses wasm, slowly' };
    }
    // Somebody ran the packages' own install script: theirs is taken. Ours leaves a link there.
    const own = directories.some(
      (directory) =>
        existsSync(bindingFile(directory)) &&
        lstatSync(join(directory, 'deps', 'lib'), { throwIfNoEntry: false })?.isDirectory(),
    );
    if (own && !context.flags.again)
      return { done: true, detail: "installed by tfjs-node's script" };
    const source = await wanted(context);
    if (source === undefined) {
      return {
        done: true,
        detail: `none could be had; training uses wasm, slowly (to try again: ${context.command('--again')})`,
      };
    }
    const linked = await Promise.all(
      directories.map((directory) => isLinked(context, source, directory)),
    );
    const from = `${source.id} (${source.device.toUpperCase()}), from ${source.origin}`;
    if (linked.every(Boolean)) return { done: true, detail: from };
    return { done: false, detail: `to be had: ${from}` };
  },
  async run(context) {
    const tried = context.flags.again ? {} : ((await readJson(triedFile(context))) ?? {});
    for (const source of sources(context)) {
      if (tried[source.id] !== undefined) continue;
      try {
        await fetchLibrary(context, source);
        const compiled = await compileBinding(context, source);
        for (const directory of installed(context)) {
          await link(context, source, compiled, directory);
          await tryOut(context, directory);
        }
        if (context.flags.again) await writeJson(triedFile(context), tried);
        return `${source.id} (${source.device.toUpperCase()}), from ${source.origin}`;
      } catch (error) {
        context.say(`       not from ${source.origin}: ${error.lastLine ?? error.message}`);
        tried[source.id] = error.lastLine ?? error.message;
        await writeJson(triedFile(context), tried);
      }
    }
    for (const directory of installed(context)) {
      await rm(bindingFile(directory), { force: true });
    }
    throw new Error(
      `libtensorflow could not be had. Training uses the wasm backend, some 30 times slower. To try again: ${context.command('--again')}`,
    );
  },
};
