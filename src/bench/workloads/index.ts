/** Every workload, in the order in which they run. */
import { LungclsError } from '../../errors.js';
import type { Workload } from '../workload.js';

/** Each loads what it measures: a trial's process has its own alone. */
const LOADERS: Readonly<Record<string, () => Promise<Workload>>> = {
  decode: async () => (await import('./decode.js')).decode,
  store: async () => (await import('./store.js')).store,
  session: async () => (await import('./session.js')).session,
  'end-to-end': async () => (await import('./end-to-end.js')).endToEnd,
  training: async () => (await import('./training.js')).training,
  latency: async () => (await import('./latency.js')).latency,
  memory: async () => (await import('./memory.js')).memory,
};

export const WORKLOAD_NAMES: readonly string[] = Object.keys(LOADERS);

/** @throws LungclsError INVALID_OPTION: no workload of that name */
export async function loadWorkload(name: string): Promise<Workload> {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  if (load === undefined) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected one of ${WORKLOAD_NAMES.join(', ')} for a workload but received ${name}`,
    );
  }
  return await load();
}
