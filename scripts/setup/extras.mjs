// What is fetched once everything is built: the default base, CUDA libraries, what tests and lint need.
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hasNvidiaDriver } from './context.mjs';
import { fingerprint, readJson, writeJson } from './files.mjs';
import { run } from './process.mjs';
import { ensure, missing, pythonName } from './system.mjs';

async function library(context, path) {
  return import(pathToFileURL(join(context.root, 'dist', ...path.split('/'))).href);
}

export const baseStep = {
  name: 'default base',
  optional: true,
  async state(context) {
    if (!existsSync(join(context.root, 'dist', 'network', 'bases.js'))) {
      return { done: false, detail: 'comes after the build' };
    }
    const { DEFAULT_BASE } = await library(context, 'config.js');
    const { listBases } = await library(context, 'network/bases.js');
    const base = (await listBases()).find(({ id }) => id === DEFAULT_BASE);
    return { done: base?.available === true, detail: `${DEFAULT_BASE}, ${base?.state}` };
  },
  async run(context) {
    const { DEFAULT_BASE } = await library(context, 'config.js');
    const { fetchBase } = await library(context, 'network/bases.js');
    await fetchBase(DEFAULT_BASE);
    return `${DEFAULT_BASE}, fetched`;
  },
};

/** Remembers what could not be had, so that it is not tried in vain with every `npm test`. */
function attempts(context) {
  const file = join(context.build, 'setup-tried.json');
  return {
    async failed(name, key) {
      return !context.flags.again && (await readJson(file))?.[name] === key;
    },
    async remember(name, key) {
      await writeJson(file, { ...(await readJson(file)), [name]: key });
    },
  };
}

export const cudaStep = {
  name: "ONNX Runtime's CUDA libraries",
  optional: true,
  async state(context) {
    const directory = context.packageDirectory('onnxruntime-node') ?? '';
    const place = join(directory, 'bin', 'napi-v6', process.platform, process.arch);
    if (existsSync(join(place, 'libonnxruntime_providers_cuda.so'))) {
      return { done: true, detail: 'installed' };
    }
    if (!context.flags.cuda) {
      if (!hasNvidiaDriver()) return { done: true, detail: 'not needed: no NVIDIA driver' };
      if (await attempts(context).failed('cuda', directory)) {
        return {
          done: true,
          detail: `could not be had (to try again: ${context.command('--cuda')})`,
        };
      }
    }
    return { done: false, detail: 'not installed' };
  },
  async run(context) {
    const directory = context.packageDirectory('onnxruntime-node');
    const script = join(directory, 'script', 'install.js');
    // The package's own script: it fetches the version of the package itself, over HTTPS, from NuGet.
    try {
      await run(process.execPath, [script, '--onnxruntime-node-install=cuda12'], {
        cwd: directory,
        timeout: 900_000,
      });
    } catch (error) {
      await attempts(context).remember('cuda', directory);
      const reason = /(?:Error: .*|E[A-Z]{4,} .*)/.exec(error.message)?.[0] ?? error.lastLine;
      throw new Error(
        `could not be fetched (${reason}). Inference runs on the CPU. To try again: ${context.command('--cuda')}`,
      );
    }
    return 'fetched';
  },
};

export const pythonStep = {
  name: 'reference Python',
  optional: true,
  applies: ({ flags, checkout }) => flags['for-tests'] && checkout,
  async state(context) {
    if (process.env.LUNGCLS_PYTHON) return { done: true, detail: 'LUNGCLS_PYTHON' };
    const requirements = join(context.root, 'test', 'fixtures', 'requirements.txt');
    const key = await fingerprint([requirements]);
    if ((await readJson(join(context.root, '.venv', 'setup.json')))?.key === key) {
      return { done: true, detail: '.venv' };
    }
    if (await attempts(context).failed('python', key)) {
      const again = context.command('--for-tests --again');
      return {
        done: true,
        detail: `none: tests that need it are skipped (to try again: ${again})`,
      };
    }
    return { done: false, detail: 'no .venv' };
  },
  async run(context) {
    const requirements = join(context.root, 'test', 'fixtures', 'requirements.txt');
    const key = await fingerprint([requirements]);
    const venv = join(context.root, '.venv');
    const python = join(venv, 'bin', 'python');
    try {
      await ensure(context, ['venv']);
      await rm(venv, { recursive: true, force: true });
      await run(pythonName(), ['-m', 'venv', venv]);
      const haste = ['--retries', '0', '--timeout', '15', '--no-input'];
      await run(python, [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
        ...[...haste, '--only-binary', ':all:', '-r', requirements],
      ]);
    } catch (error) {
      await rm(venv, { recursive: true, force: true });
      await attempts(context).remember('python', key);
      throw new Error(
        `could not be set up; tests that need it are skipped (${error.lastLine ?? error.message})`,
      );
    }
    await writeJson(join(venv, 'setup.json'), { key });
    const packages = (await readFile(requirements, 'utf8')).match(/^[a-z][^\s#]*/gim) ?? [];
    return `.venv with ${packages.join(', ')}`;
  },
};

/** A step that is nothing but system packages. */
function packagesStep(name, flag, requirements, lack) {
  return {
    name,
    optional: true,
    applies: ({ flags, checkout }) => flags[flag] && checkout,
    async state(context) {
      const absent = await missing(requirements);
      if (absent.length === 0) return { done: true, detail: 'installed' };
      if (await attempts(context).failed(name, absent.join())) {
        return { done: true, detail: `could not be had; ${lack}` };
      }
      return { done: false, detail: `missing: ${absent.join(', ')}` };
    },
    async run(context) {
      const absent = await missing(requirements);
      try {
        await ensure(context, requirements);
      } catch (error) {
        await attempts(context).remember(name, absent.join());
        throw new Error(`${error.message.split('\n')[0]}; ${lack}`);
      }
      return 'installed';
    },
  };
}

export const browserStep = packagesStep(
  'Chromium',
  'for-tests',
  ['chromium'],
  'tests in a browser are skipped',
);

export const clangStep = packagesStep(
  'clang and its tools',
  'for-ci',
  ['clang', 'clangTidy', 'clangFormat'],
  'fuzzing and the lint of native code are left out',
);
