/** Others' software, in Python: what a registry lists, run on whichever Python is found. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LungclsError, readError } from '../errors.js';
import { parseJson } from '../storage/json.js';
import type { Check } from './answers.js';
import { INT8_CHECK } from './engines.js';
import { PACKAGE_ROOT } from './machine.js';
import type { Precision } from '../bundle/metadata.js';
import type { VariantPlan, Workload } from './workload.js';

export const PEERS_FOLDER = join(PACKAGE_ROOT, 'bench', 'peers');
const REGISTRY = 'peers.json';

/** An entry of the registry. */
export interface Peer {
  readonly name: string;
  /** A Python file in the registry's folder that follows the protocol. */
  readonly script: string;
  readonly suites: readonly string[];
  readonly workloads: readonly string[];
  /** Modules whose versions it tells. */
  readonly versionsOf: readonly string[];
  /** Where its answer has to be nearer than the workload asks of peers. */
  readonly check?: Check['kind'];
  /** Which ONNX file it runs; fp32 if it is not given. */
  readonly precision?: Precision;
}

/**
 * The peers that are listed; none where there is no registry.
 * @throws LungclsError INPUT_UNREADABLE (the registry is malformed)
 */
export async function readPeers(folder = PEERS_FOLDER): Promise<Peer[]> {
  const path = join(folder, REGISTRY);
  if (!existsSync(path)) return [];
  let value: unknown;
  try {
    value = parseJson(await readFile(path, 'utf8'));
  } catch (error) {
    throw readError(error, path);
  }
  if (Array.isArray(value) && value.every(isPeer)) return value;
  throw new LungclsError(
    'INPUT_UNREADABLE',
    `Expected a list of peers, each with name, script, suites, workloads and versionsOf, in ${path}`,
    { path },
  );
}

function isPeer(value: unknown): value is Peer {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Record<string, unknown>;
  const isTexts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((entry) => typeof entry === 'string');
  return (
    typeof fields['name'] === 'string' &&
    typeof fields['script'] === 'string' &&
    ['suites', 'workloads', 'versionsOf'].every((name) => isTexts(fields[name]))
  );
}

/**
 * The Python that peers run on: `LUNGCLS_PYTHON`, else .venv-peers, else .venv, here or in the package, else
 * the one on the path.
 */
export function findPython(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['LUNGCLS_PYTHON'];
  if (own !== undefined && own !== '') return own;
  const places = ['.venv-peers', '.venv'].flatMap((venv) =>
    ['.', PACKAGE_ROOT].map((root) => join(root, venv, 'bin', 'python')),
  );
  return places.find((path) => existsSync(path)) ?? 'python3';
}

/** The peers of a workload, as variants of it. */
export function peerVariants(
  peers: readonly Peer[],
  workload: Workload,
): { peer: Peer; plan: VariantPlan }[] {
  return peers
    .filter(({ workloads }) => workloads.includes(workload.name))
    .map((peer) => ({
      peer,
      plan: {
        variant: peer.name,
        name: peer.name,
        kind: 'peer',
        check: peer.check === 'exact' ? { kind: 'exact' } : peerCheck(peer, workload),
      },
    }));
}

function peerCheck({ precision }: Peer, { peerCheck: check }: Workload): Check {
  // 8 bits round otherwise in every build.
  return precision === 'int8' ? INT8_CHECK : check;
}
