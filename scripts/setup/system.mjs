// System packages: what a step needs is looked for when the step is about to run, and installed on a
// Debian-like system with root or a sudo that asks for no password; else the one command is named.
import { existsSync } from 'node:fs';
import { run, succeeds, which } from './process.mjs';

/** Whether the C++ compiler finds a header. */
async function hasHeader(header) {
  const compiler = compilerName();
  if (compiler === undefined) return false;
  return succeeds(compiler, ['-E', '-x', 'c++', '-'], {
    input: `#include <cstdio>\n#include <${header}>\n`,
  });
}

export function compilerName() {
  return [process.env.CXX, 'c++', 'g++', 'clang++'].find((name) => name && which(name));
}

export function pythonName() {
  return ['python3', 'python'].find((name) => which(name));
}

/** Whether Python finds a shared library, by its name without `lib`. */
async function hasLibrary(name) {
  const python = pythonName();
  const script = 'import ctypes.util, sys; sys.exit(ctypes.util.find_library(sys.argv[1]) is None)';
  return python !== undefined && succeeds(python, ['-c', script, name]);
}

async function hasPythonModule(module) {
  const python = pythonName();
  return python !== undefined && succeeds(python, ['-c', `import ${module}`]);
}

/** Versions of LLVM that know enough of C++20; the first that the system has is installed. */
const LLVM_VERSIONS = ['16', '17', '18', '19'];

function llvm(program, packages) {
  const names = [program, ...LLVM_VERSIONS.map((version) => `${program}-${version}`)];
  return {
    found: () => names.some(which),
    apt: LLVM_VERSIONS.map(packages),
  };
}

/**
 * What may be needed: how it is found, and Debian's name for it, or alternatives, each a list of names.
 * libjpeg-dev is libjpeg-turbo there.
 */
export const REQUIREMENTS = {
  cmake: { found: () => which('cmake') !== undefined, apt: 'cmake' },
  make: { found: () => ['make', 'ninja'].some(which), apt: 'make' },
  compiler: { found: () => compilerName() !== undefined, apt: 'g++' },
  jpeg: { found: () => hasHeader('jpeglib.h'), apt: 'libjpeg-dev' },
  highway: { found: () => hasHeader('hwy/highway.h'), apt: 'libhwy-dev' },
  // Of use on x86-64 alone; elsewhere the addon is built without it.
  libxsmm: {
    found: () => process.arch !== 'x64' || process.platform !== 'linux' || hasHeader('libxsmm.h'),
    apt: 'libxsmm-dev',
  },
  zlib: { found: () => hasHeader('zlib.h'), apt: 'zlib1g-dev' },
  pip: { found: () => hasPythonModule('pip'), apt: 'python3-pip' },
  venv: { found: () => hasPythonModule('venv, ensurepip'), apt: 'python3-venv' },
  turbojpeg: { found: () => hasLibrary('turbojpeg'), apt: 'libturbojpeg0' },
  chromium: {
    found: () =>
      Boolean(process.env.LUNGCLS_CHROMIUM) ||
      ['chromium', 'chromium-browser', 'google-chrome'].some(which) ||
      existsSync('/Applications/Google Chrome.app'),
    apt: 'chromium',
  },
  clang: llvm('clang++', (version) => [`clang-${version}`, `libclang-rt-${version}-dev`]),
  clangTidy: llvm('clang-tidy', (version) => [`clang-tidy-${version}`]),
  clangFormat: llvm('clang-format', (version) => [`clang-format-${version}`]),
};

/** The names of those requirements that are not there. */
export async function missing(names) {
  const absent = [];
  for (const name of names) {
    if (!(await REQUIREMENTS[name].found())) absent.push(name);
  }
  return absent;
}

/** How to become root without being asked: '' (is root), 'sudo', or undefined. */
async function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  if (which('sudo') !== undefined && (await succeeds('sudo', ['-n', 'true'])))
    return ['sudo', '-n'];
  return undefined;
}

/** Debian's packages for a requirement: of alternatives, the first that the system knows, else the last. */
async function aptNames({ apt }) {
  if (typeof apt === 'string') return [apt];
  for (const names of apt) {
    if (await succeeds('apt-cache', ['show', ...names])) return names;
  }
  return apt.at(-1);
}

function byHand(packages) {
  return `Install them: sudo apt-get install ${packages.join(' ')} (or what your system calls these)`;
}

/**
 * Makes sure that the requirements are met.
 * @throws Error that names the packages, and the command, where they cannot be installed.
 */
export async function ensure(context, names) {
  const absent = await missing(names);
  if (absent.length === 0) return;
  const packages = async () =>
    (await Promise.all(absent.map((name) => aptNames(REQUIREMENTS[name])))).flat();
  const prefix = await rootPrefix();
  if (context.flags['no-packages'] || which('apt-get') === undefined || prefix === undefined) {
    throw new Error(`Missing: ${absent.join(', ')}. ${byHand(await packages())}`);
  }
  const apt = async (...args) => {
    const [program, ...rest] = [...prefix, 'apt-get', ...args];
    await run(program, rest, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
  };
  const install = async () => {
    const list = await packages();
    context.say(`       installing system packages: ${list.join(' ')}`);
    await apt('install', '-y', '-q', '--no-install-recommends', ...list);
  };
  try {
    await install().catch(async () => {
      // The lists may be absent, as in a fresh container, or too old.
      await apt('update', '-q');
      await install();
    });
  } catch (error) {
    throw new Error(`${error.message}\n${byHand(await packages())}`);
  }
  const still = await missing(absent);
  if (still.length > 0) {
    throw new Error(`Still missing after installing packages for it: ${still.join(', ')}`);
  }
}
