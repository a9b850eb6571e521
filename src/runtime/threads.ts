/** How many threads this process may use, and how an option for it is read. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { LungclsError } from '../errors.js';

/** Reads a small file, or returns undefined. */
export type ReadText = (path: string) => string | undefined;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * The CPU quota of this process's control group in whole CPUs (rounded up), or undefined without one.
 * Version 2 keeps "<quota> <period>" in cpu.max, version 1 the two numbers in two files
 * (https://docs.kernel.org/admin-guide/cgroup-v2.html). In a container both stand at the root.
 */
export function cgroupCpus(read: ReadText = readText): number | undefined {
  const own = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  let [quota, period] = (
    read(`/sys/fs/cgroup${own === '/' ? '' : own}/cpu.max`) ??
    read('/sys/fs/cgroup/cpu.max') ??
    ''
  ).split(/\s+/);
  if (period === undefined) {
    quota = read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
    period = read('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  }
  const cpus = Number(quota) / Number(period);
  return Number.isFinite(cpus) && cpus > 0 ? Math.max(1, Math.ceil(cpus)) : undefined;
}

/**
 * The number of CPUs this process may use: those of its affinity mask, or fewer where its control
 * group has a quota, which Node before version 22 does not take into account.
 */
export function availableThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), cgroupCpus() ?? Infinity));
}

/**
 * The number of threads that an option asks for; all available ones where it is not given.
 * @param option A positive integer up to 1024, or undefined.
 * @throws LungclsError INVALID_OPTION for anything else.
 */
export function resolveThreads(option?: number): number {
  if (option === undefined) return availableThreads();
  if (!Number.isInteger(option) || option < 1 || option > 1024) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected a positive integer up to 1024 for threads but received ${String(option)} of type ${typeof option}`,
    );
  }
  return option;
}
