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

async function hasPythonModule(module) {
  const python = pythonName();
  return python !== undefined && succeeds(python, ['-c', `import ${module}`]);
}

/** What may be needed: how it is found, and Debian's name for it. libjpeg-dev is libjpeg-turbo there. */
export const REQUIREMENTS = {
  cmake: { found: () => which('cmake') !== undefined, apt: 'cmake' },
  make: { found: () => ['make', 'ninja'].some(which), apt: 'make' },
  compiler: { found: () => compilerName() !== undefined, apt: 'g++' },
  jpeg: { found: () => hasHeader('jpeglib.h'), apt: 'libjpeg-dev' },
  zlib: { found: () => hasHeader('zlib.h'), apt: 'zlib1g-dev' },
  pip: { found: () => hasPythonModule('pip'), apt: 'python3-pip' },
  venv: { found: () => hasPythonModule('venv, ensurepip'), apt: 'python3-venv' },
  chromium: {
    found: () =>
      Boolean(process.env.LUNGCLS_CHROMIUM) ||
      ['chromium', 'chromium-browser', 'google-chrome'].some(which) ||
      existsSync('/Applications/Google Chrome.app'),
    apt: 'chromium',
  },
  clang: { found: () => which('clang++') !== undefined, apt: 'clang' },
  clangTidy: { found: () => which('clang-tidy') !== undefined, apt: 'clang-tidy' },
  clangFormat: { found: () => which('clang-format') !== undefined, apt: 'clang-format' },
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
  const packages = absent.map((name) => REQUIREMENTS[name].apt);
  const prefix = await rootPrefix();
  if (context.flags['no-packages'] || which('apt-get') === undefined || prefix === undefined) {
    throw new Error(`Missing: ${absent.join(', ')}. ${byHand(packages)}`);
  }
  context.say(`       installing system packages: ${packages.join(' ')}`);
  const apt = async (...args) => {
    const [program, ...rest] = [...prefix, 'apt-get', ...args];
    await run(program, rest, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
  };
  const install = () => apt('install', '-y', '-q', '--no-install-recommends', ...packages);
  try {
    await install().catch(async () => {
      // The lists may be absent, as in a fresh container, or too old.
      await apt('update', '-q');
      await install();
    });
  } catch (error) {
    throw new Error(`Cannot install ${packages.join(' ')}: ${error.message}\n${byHand(packages)}`);
  }
  const still = await missing(absent);
  if (still.length > 0) {
    throw new Error(`Installed ${packages.join(' ')}, but still missing: ${still.join(', ')}`);
  }
}
