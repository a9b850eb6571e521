// Prints the path of a Node of another major version, fetched from the package registry: the npm
// packages node-<platform>-<arch> hold Node's own binaries.
//   node scripts/ci/other-node.mjs 22
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { createContext } from '../setup/context.mjs';
import { run } from '../setup/process.mjs';

const major = Number(process.argv[2]);
const name = `node-${platform()}-${arch()}`;
const folder = join(createContext([]).home, 'node', String(major));
const node = join(folder, 'node_modules', name, 'bin', 'node');

try {
  if (!Number.isInteger(major))
    throw new Error(`Expected a major version but received ${process.argv[2]}`);
  if (!existsSync(node)) {
    await mkdir(folder, { recursive: true });
    const quiet = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', ['install', '--prefix', folder, ...quiet, `${name}@${major}`], {
      cwd: folder,
    });
  }
  const version = (await run(node, ['--version'])).trim();
  if (!version.startsWith(`v${major}.`)) throw new Error(`${node} is ${version}`);
  console.log(node);
} catch (error) {
  console.error(error.lastLine ?? error.message);
  process.exitCode = 1;
}
