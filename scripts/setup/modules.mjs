// node_modules as package-lock.json says, without running install scripts of dependencies.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './files.mjs';
import { run } from './process.mjs';

/** Whether the packages that npm says it installed are those of the lock file, and there. */
async function inStep(root) {
  const wanted = await readJson(join(root, 'package-lock.json'));
  const have = await readJson(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || have === undefined) return false;
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === '') return true;
    const installed = have.packages[path];
    // Binaries for other platforms.
    if (installed === undefined) return entry.optional === true;
    return (
      installed.version === entry.version &&
      installed.integrity === entry.integrity &&
      (entry.optional === true || existsSync(join(root, path, 'package.json')))
    );
  });
}

export const modulesStep = {
  name: 'npm packages',
  async state({ checkout, root }) {
    if (!checkout) return { done: true, detail: 'installed with this package' };
    if (!(await inStep(root))) return { done: false, detail: 'out of step with package-lock.json' };
    return { done: true, detail: 'as package-lock.json says' };
  },
  async run({ root }) {
    await run('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit'], { cwd: root });
    return 'npm ci';
  },
};
