// What every step of the set-up gets to know: the flags, the folders, how to say something.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const USAGE = `Usage: node scripts/setup.mjs [flags]
Sets up whatever is missing; may be run at any time, again after an interruption, and offline once done.
  --quiet        say only what changes
  --check        change nothing; say what is missing and exit with 1 if something necessary is
  --cuda         also get ONNX Runtime's CUDA libraries (by default only where an NVIDIA driver is found)
  --gpu          get the GPU build of libtensorflow (by default only where an NVIDIA driver is found)
  --again        try again what could not be had the last time
  --for-tests    also what the tests need: reference Python, Chromium
  --for-ci       also what lint, sanitizers and fuzzing need: clang and its tools
  --no-packages  never install system packages; name them instead`;

const FLAGS = [
  'quiet',
  'check',
  'cuda',
  'gpu',
  'again',
  'for-tests',
  'for-ci',
  'no-packages',
  'help',
];

/** The same rule as src/config.ts, which is not built yet when this runs. */
function homeDirectory(env) {
  if (env.LUNGCLS_HOME) return resolve(env.LUNGCLS_HOME);
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lungcls-fast');
}

/** Parses the flags; throws an Error with the usage for an unknown one. */
export function createContext(argv, env = process.env) {
  const flags = Object.fromEntries(FLAGS.map((flag) => [flag, false]));
  for (const argument of argv) {
    const name = argument.replace(/^--/, '');
    if (!argument.startsWith('--') || !FLAGS.includes(name)) {
      throw new Error(`Unknown argument: ${argument}\n${USAGE}`);
    }
    flags[name] = true;
  }
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const require = createRequire(join(root, 'package.json'));
  return {
    flags,
    root,
    build: join(root, 'build'),
    home: homeDirectory(env),
    // A checkout has the sources and the lock file; an installed package has neither.
    checkout: existsSync(join(root, 'package-lock.json')) && existsSync(join(root, 'src')),
    /** The folder of an installed npm package, or undefined. */
    packageDirectory(name) {
      try {
        return dirname(require.resolve(`${name}/package.json`));
      } catch {
        return undefined;
      }
    },
    say(line) {
      console.log(line);
    },
    /** The command that a user of this copy runs. */
    command(flag = '') {
      const inRepository = existsSync(join(root, 'package-lock.json'));
      if (inRepository) return flag === '' ? 'npm run setup' : `npm run setup -- ${flag}`;
      return `npx lungcls-fast setup${flag === '' ? '' : ` ${flag}`}`;
    },
  };
}

/** Traces of the NVIDIA kernel driver: on Linux, and inside WSL 2. */
export function hasNvidiaDriver() {
  return ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/usr/lib/wsl/lib/libcuda.so.1'].some(
    (path) => existsSync(path),
  );
}
