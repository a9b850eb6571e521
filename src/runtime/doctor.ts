/** What this machine can run, what is missing, and the command that mends it. Changes nothing. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { homeDirectory } from '../config.js';
import { messageOf } from '../errors.js';
import { bufferMemory, denseSupport, loadAddon } from '../native/addon.js';
import { cudaProblem, hasNvidiaDriver } from './cuda.js';
import { loadTensorflow, SETUP_COMMAND } from './tensorflow.js';
import { availableThreads } from './threads.js';

const require = createRequire(import.meta.url);
const execute = promisify(execFile);

/** One thing that was looked at. */
export interface Fact {
  /** Stable, for programs: `node`, `addon`, `tensorflow`, ... */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** `optional`: not there, and not needed. */
  readonly status: 'ok' | 'missing' | 'optional';
  readonly value: string;
  /** The command, or the step, that mends it. */
  readonly mend?: string;
}

/** Free space below which a run on a large archive is likely to fail: the recipe's features take 4.5 GB. */
const MIN_DISK_BYTES = 10e9;
/** Memory below which training the recipe's head is likely to fail. */
const MIN_MEMORY_BYTES = 6e9;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Whether this Node is one of package.json's `engines`: 20.19, 22.20, 24.12 or later. */
export function supportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const least = new Map([
    [20, 19],
    [22, 20],
    [24, 12],
  ]).get(major);
  return least === undefined ? major > 24 : minor >= least;
}

/** The first line that a program prints about its version, or undefined if it is not there. */
async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await execute(program, ['--version'], { timeout: 10_000 });
    return stdout.split('\n')[0]?.trim();
  } catch {
    return undefined;
  }
}

function nodeFact(): Fact {
  const fact = { id: 'node', name: 'Node', value: process.version };
  return supportedNode(process.version)
    ? { ...fact, status: 'ok' }
    : { ...fact, status: 'missing', mend: 'Install Node 20.19, 22.20, 24.12 or later' };
}

async function toolFacts(addonBuilt: boolean): Promise<Fact[]> {
  const tools = [
    { id: 'npm', name: 'npm', programs: ['npm'] },
    { id: 'compiler', name: 'C++ compiler', programs: ['c++', 'g++', 'clang++'] },
    { id: 'cmake', name: 'CMake', programs: ['cmake'] },
  ];
  return Promise.all(
    tools.map(async ({ id, name, programs }): Promise<Fact> => {
      for (const program of programs) {
        const version = await versionOf(program);
        if (version !== undefined) return { id, name, status: 'ok', value: version };
      }
      const value = addonBuilt ? 'not found; needed only to build the addon again' : 'not found';
      return { id, name, status: addonBuilt ? 'optional' : 'missing', value, mend: SETUP_COMMAND };
    }),
  );
}

function addonFacts(): Fact[] {
  try {
    const addon = loadAddon();
    return [
      { id: 'addon', name: 'Native addon', status: 'ok', value: 'built' },
      {
        id: 'libjpeg',
        name: 'libjpeg-turbo',
        status: 'ok',
        value: addon.libjpegTurboVersion,
      },
      { id: 'vector', name: 'Vector code', status: 'ok', value: addon.vectorCode() },
      buffersFact(),
      kernelFact(),
    ];
  } catch (error) {
    const value = messageOf(error);
    return [{ id: 'addon', name: 'Native addon', status: 'missing', value, mend: SETUP_COMMAND }];
  }
}

/** What images are decoded into: see BufferMemory. */
function buffersFact(): Fact {
  const { kind, reason } = bufferMemory();
  const words = {
    pinned: 'page-locked for CUDA',
    'huge-pages': 'huge pages',
    plain: 'plain memory',
  };
  const value = reason === '' ? words[kind] : `${words[kind]} (${reason})`;
  return { id: 'buffers', name: 'Image buffers', status: 'ok', value };
}

function kernelFact(): Fact {
  const fact = { id: 'training-kernel', name: 'Training kernel' };
  const { available, description } = denseSupport();
  if (available) return { ...fact, status: 'ok', value: description };
  return {
    ...fact,
    status: 'optional',
    value: `${description}; tfjs alone trains, several times more slowly`,
    mend: 'On x86-64: install libxsmm (Debian, Ubuntu: libxsmm-dev), then npm run build:native',
  };
}

async function tensorflowFact(): Promise<Fact> {
  const fact = { id: 'tensorflow', name: 'TensorFlow' };
  try {
    const { description, skipped, choice } = await loadTensorflow();
    const why = skipped.map((better) => `${better.choice}: ${better.reason}`).join('; ');
    const value = why === '' ? description : `${description} (${why})`;
    return choice === 'wasm'
      ? { ...fact, status: 'optional', value, mend: `${SETUP_COMMAND} with --again` }
      : { ...fact, status: 'ok', value };
  } catch (error) {
    return { ...fact, status: 'missing', value: messageOf(error), mend: SETUP_COMMAND };
  }
}

function onnxruntimeFacts(): Fact[] {
  const name = 'ONNX Runtime';
  try {
    const ort = require('onnxruntime-node') as typeof import('onnxruntime-node');
    const providers = ort.listSupportedBackends();
    const names = (bundled: boolean): string =>
      providers
        .filter((provider) => provider.bundled === bundled)
        .map((provider) => provider.name)
        .join(', ');
    const version = ort.env.versions.node ?? ort.env.versions.common;
    const further = names(false);
    const list = `${names(true)}${further === '' ? '' : `; after setup --cuda: ${further}`}`;
    return [
      { id: 'onnxruntime', name, status: 'ok', value: `${version}, providers: ${list}` },
      cudaFact(),
    ];
  } catch (error) {
    const value = messageOf(error).split('\n')[0] ?? '';
    return [{ id: 'onnxruntime', name, status: 'missing', value, mend: 'npm ci' }];
  }
}

function cudaFact(): Fact {
  const problem = cudaProblem();
  const fact = { id: 'cuda', name: 'CUDA' };
  if (problem === undefined) return { ...fact, status: 'ok', value: 'driver and libraries found' };
  return hasNvidiaDriver()
    ? { ...fact, status: 'optional', value: problem, mend: `${SETUP_COMMAND} with --cuda` }
    : { ...fact, status: 'optional', value: problem };
}

/** The nearest folder above `path`, or `path` itself, that exists. */
function existing(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

async function diskFact(id: string, name: string, path: string): Promise<Fact> {
  const folder = existing(path);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const value = `${gigabytes(free)} free in ${folder}`;
  return free >= MIN_DISK_BYTES
    ? { id, name, status: 'ok', value }
    : { id, name, status: 'optional', value, mend: `Free space: ${gigabytes(MIN_DISK_BYTES)}` };
}

function memoryFact(): Fact {
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const value = `${gigabytes(total)}, ${gigabytes(Math.min(freemem(), total))} free`;
  const fact = { id: 'memory', name: 'Memory', value };
  return total >= MIN_MEMORY_BYTES
    ? { ...fact, status: 'ok' }
    : { ...fact, status: 'optional', mend: `Training needs ${gigabytes(MIN_MEMORY_BYTES)}` };
}

/** Instruction sets that make a difference here, as Linux names them. */
const CPU_FLAGS = [
  'avx2',
  'fma',
  'avx512f',
  'avx512_vnni',
  'avx_vnni',
  'amx_int8',
  'asimd',
  'asimddp',
];

function cpuFact(): Fact {
  let flags: string[] = [];
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    const all = new Set(line?.[1]?.trim().split(/\s+/));
    flags = CPU_FLAGS.filter((flag) => all.has(flag));
  } catch {
    // Not Linux.
  }
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  const threads = availableThreads();
  const value = [`${String(threads)} threads of ${model} (${process.arch})`, ...flags].join(', ');
  return { id: 'cpu', name: 'CPU', status: 'ok', value };
}

/**
 * Looks at this machine.
 * @param further Facts of other rooms, such as which bases are there; they come last.
 */
export async function doctor(further: readonly Fact[] = []): Promise<Fact[]> {
  const addon = addonFacts();
  return [
    nodeFact(),
    ...(await toolFacts(addon[0]?.status === 'ok')),
    ...addon,
    await tensorflowFact(),
    ...onnxruntimeFacts(),
    cpuFact(),
    memoryFact(),
    await diskFact('disk-home', 'Disk, fetched things', homeDirectory()),
    await diskFact('disk-here', 'Disk, this folder', process.cwd()),
    ...further,
  ];
}
