// Builds the native addon with cmake-js into build/native/, from a checkout as well as in an installed
// package (where cmake-js stands in a folder above).
//   node scripts/build-addon.mjs
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const cmakeJs = join(
  dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')),
  'bin/cmake-js',
);

const { status, error } = spawnSync(
  process.execPath,
  [
    cmakeJs,
    'compile',
    '--log-level',
    'warn',
    '--directory',
    join(root, 'native'),
    '--out',
    join(root, 'build/native'),
  ],
  { cwd: root, stdio: 'inherit' },
);

if (status !== 0) {
  console.error(
    'The native addon was not built' +
      (error === undefined ? '.' : ` (${error.message}).`) +
      ' It needs CMake, a C++20 compiler, libjpeg-turbo, zlib and Highway:' +
      ' apt-get install cmake g++ libjpeg62-turbo-dev zlib1g-dev libhwy-dev (on Ubuntu libjpeg-turbo8-dev).' +
      ' libxsmm-dev besides makes training faster on x86-64. Then: npm run build:native',
  );
  process.exitCode = 1;
}
