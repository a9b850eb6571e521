// What `lungcls-fast bench --peers` compares with: a Python of its own in .venv-peers/.
//   node scripts/setup/peers.mjs           sets up whatever is missing; says what cannot be had
//   node scripts/setup/peers.mjs --again   tries again what could not be had the last time
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext } from './context.mjs';
import { fingerprint, readJson, writeJson } from './files.mjs';
import { run, succeeds } from './process.mjs';
import { ensure, pythonName } from './system.mjs';

/** The requirements in a pip file, one a line. */
export function requirementsIn(text) {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

/**
 * Installs all at once, or, where something cannot be had, each by itself.
 * @param {(requirements: string[]) => Promise<void>} install throws where it fails
 * @returns {Promise<{requirement: string, why: string}[]>} what could not be had
 */
export async function installEach(requirements, install) {
  try {
    await install(requirements);
    return [];
  } catch {
    const failed = [];
    for (const requirement of requirements) {
      try {
        await install([requirement]);
      } catch (error) {
        failed.push({ requirement, why: error.lastLine ?? error.message });
      }
    }
    return failed;
  }
}

/** Sets it up. @returns whether there is a Python to run peers with */
export async function setUpPeers(context) {
  const { root, say } = context;
  const file = join(root, 'bench', 'peers', 'requirements.txt');
  const requirements = requirementsIn(await readFile(file, 'utf8'));
  const venv = join(root, '.venv-peers');
  const python = join(venv, 'bin', 'python');
  const record = join(venv, 'setup.json');
  const key = await fingerprint([file]);
  const before = await readJson(record);
  if (before?.key === key && (before.failed.length === 0 || !context.flags.again)) {
    say(`ok     .venv-peers${lacking(before.failed)}`);
    return true;
  }
  await ensure(context, ['turbojpeg']).catch((error) => {
    say(`warns  libjpeg-turbo: ${error.message.split('\n')[0]}`);
  });
  // One that was stopped half-way is gone on with.
  if (!existsSync(python) || !(await succeeds(python, ['-m', 'pip', '--version']))) {
    await ensure(context, ['venv']);
    await run(pythonName(), ['-m', 'venv', '--clear', venv]);
  }
  say(`doing  .venv-peers: ${requirements.join(', ')}`);
  const haste = ['--retries', '0', '--timeout', '15', '--no-input'];
  const failed = await installEach(requirements, async (some) => {
    await run(python, [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      ...[...haste, '--only-binary', ':all:', ...some],
    ]);
  });
  for (const { requirement, why } of failed) say(`warns  ${requirement} could not be had: ${why}`);
  await writeJson(record, { key, failed: failed.map(({ requirement }) => requirement) });
  const versions = await run(python, ['-m', 'pip', 'freeze', '--disable-pip-version-check']);
  await writeJson(join(venv, 'versions.json'), versions.trim().split('\n'));
  say(`done   .venv-peers${lacking(failed.map(({ requirement }) => requirement))}`);
  return failed.length < requirements.length;
}

function lacking(failed) {
  if (failed.length === 0) return ': everything';
  return `, without ${failed.join(', ')}: peers that need it are skipped (to try again: npm run bench:peers-setup -- --again)`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    if (!(await setUpPeers(createContext(process.argv.slice(2))))) process.exitCode = 1;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
