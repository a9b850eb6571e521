import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LungclsError } from '../../errors.js';
import { defineCommand } from '../command.js';

/** Shipped with the package, beside dist/. */
const SCRIPT = fileURLToPath(new URL('../../../scripts/setup.mjs', import.meta.url));

export const setupCommand = defineCommand({
  usage: 'setup',
  describe: 'Build or fetch what is missing: the native addon, libtensorflow, the default base',
  builder: (argv) =>
    argv
      .option('cuda', {
        type: 'boolean',
        defaultDescription: 'where an NVIDIA driver is found',
        describe: "Also fetch ONNX Runtime's CUDA libraries",
      })
      .option('gpu', {
        type: 'boolean',
        defaultDescription: 'where an NVIDIA driver is found',
        describe: 'Get the GPU build of libtensorflow',
      })
      .option('again', {
        type: 'boolean',
        default: false,
        describe: 'Try again what could not be had the last time',
      })
      .option('check', {
        type: 'boolean',
        default: false,
        describe: 'Change nothing; exit code 1 if something necessary is missing',
      })
      .option('packages', {
        type: 'boolean',
        default: true,
        describe: 'Install system packages where that is allowed; --no-packages: name them instead',
      })
      .example('$0 setup', 'may be run again at any time'),
  async run(argv, { task, quiet }) {
    const flags = {
      '--cuda': argv.cuda === true,
      '--gpu': argv.gpu === true,
      '--again': argv.again,
      '--check': argv.check,
      '--no-packages': !argv.packages,
      '--quiet': quiet,
    };
    const args = [SCRIPT, ...Object.entries(flags).flatMap(([flag, on]) => (on ? [flag] : []))];
    // What it prints is for people: it goes to stderr, like everything that is not the result.
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', process.stderr, process.stderr],
      signal: task.signal,
    });
    const [code] = (await once(child, 'exit').catch((error: unknown) => {
      throw task.signal.aborted
        ? new LungclsError('ABORTED', 'Stopped; run the same command to continue', { cause: error })
        : new LungclsError('INTERNAL', `Cannot run ${SCRIPT}`, { cause: error, path: SCRIPT });
    })) as [number | null];
    return {
      value: { ok: code === 0 },
      lines: code === 0 ? ['Everything is set up'] : [],
      exitCode: code ?? 1,
    };
  },
});
