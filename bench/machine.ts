/** What a result must say about where it was measured. */
import { cpus, release, totalmem, type } from 'node:os';
import { cpuExtensions, sourceCommit } from '#src/bench/machine.js';

export interface Machine {
  cpu: string;
  cores: number;
  /** Vector extensions that decide speed here. */
  extensions: string[];
  memoryGiB: number;
  os: string;
  node: string;
  commit: string;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    extensions: cpuExtensions(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
    commit: sourceCommit() ?? 'unknown',
  };
}
