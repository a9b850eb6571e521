/** What the processor can do that decides which arithmetic is fast. */
import { readFileSync } from 'node:fs';
import type { ReadText } from './threads.js';

/**
 * Instructions that multiply bytes and add the products into 32 bits, as Linux names them: AVX-512 VNNI,
 * AVX-VNNI and AMX on x86, the dot products of ARMv8.2.
 */
const INT8_FLAGS = ['avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp'];

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Whether 8-bit convolutions are several times as fast as float32 ones here; false where unknown. */
export function hasInt8Instructions(read: ReadText = readText): boolean {
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(read('/proc/cpuinfo') ?? '')?.[1] ?? '';
  const own = new Set(flags.split(/\s+/));
  return INT8_FLAGS.some((flag) => own.has(flag));
}
