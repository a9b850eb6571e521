/** What the inputs of a job are: a tile store, or images; and which state of them. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LungclsError } from '../errors.js';
import { TileStore } from '../imaging/tile-store.js';
import type { Json } from '../storage/hash.js';

/**
 * The tile store, where that is what the inputs name.
 * @throws LungclsError INVALID_OPTION (a store among others), and those of TileStore.open
 */
export async function openStore(
  inputs: readonly string[],
  listFile: string | undefined,
): Promise<TileStore | undefined> {
  const stores: string[] = [];
  for (const input of inputs) {
    if (input !== '-' && (await isFile(join(input, 'store.json')))) stores.push(input);
  }
  const [store] = stores;
  if (store === undefined) return undefined;
  if (inputs.length > 1 || listFile !== undefined) {
    throw new LungclsError(
      'INVALID_OPTION',
      `Expected images or one tile store for inputs but received the tile store ${store} among others`,
    );
  }
  return await TileStore.open(store);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** What was named, and for files (archives, images, lists) also which state of it. */
export async function describeInputs(inputs: readonly string[]): Promise<Json> {
  const described: Json[] = [];
  for (const input of inputs) {
    if (input === '-') {
      described.push(['list', process.cwd()]);
      continue;
    }
    const path = resolve(input);
    const facts = await stat(path).catch(() => undefined);
    described.push(facts?.isFile() === true ? [path, facts.size, facts.mtimeMs] : [path]);
  }
  return described;
}
