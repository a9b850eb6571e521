/** Reads a bench.json, of this version of the tool or another. */
import { readFile } from 'node:fs/promises';
import { LungclsError, messageOf, readError } from '../errors.js';
import { parseJson } from '../storage/json.js';
import { BENCH_FORMAT, BENCH_VERSION, type BenchResults } from './results.js';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isAmount = (value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** What is wrong with a value that should be a BenchResults, or undefined. */
export function benchProblem(value: unknown): string | undefined {
  if (!isFields(value)) return 'an object';
  if (value['format'] !== BENCH_FORMAT) return `format ${BENCH_FORMAT}`;
  if (value['version'] !== BENCH_VERSION) return `version ${BENCH_VERSION}`;
  const {
    machine,
    settings,
    noise,
    trials,
    comparisons,
    skipped,
    floors,
    workloads,
    images,
    versions,
  } = value;
  if (!isText(value['date']) || !isText(value['toolVersion'])) return 'date and toolVersion';
  if (!isFields(machine) || !isText(machine['cpu']) || !isAmount(machine['cores']))
    return 'machine';
  if (!isFields(settings) || !isAmount(settings['rounds'])) return 'settings';
  if (!isFields(images) || !isFields(versions)) return 'images and versions';
  if (!isFields(noise) || !isAmount(noise['probe']) || !isAmount(noise['rounds'])) return 'noise';
  if (!isFields(floors)) return 'floors';
  if (![comparisons, skipped, workloads].every(Array.isArray))
    return 'comparisons, skipped and workloads';
  if (!Array.isArray(trials)) return 'trials';
  const at = trials.findIndex((trial) => !isTrial(trial));
  return at < 0 ? undefined : `trials[${String(at)}]`;
}

function isTrial(value: unknown): boolean {
  if (!isFields(value)) return false;
  const texts = ['workload', 'group', 'variant', 'name', 'kind', 'status'];
  const { rounds, tilesPerSecond } = value;
  return (
    texts.every((name) => isText(value[name])) &&
    Array.isArray(rounds) &&
    rounds.every(
      (round) => isFields(round) && isAmount(round['tiles']) && isAmount(round['seconds']),
    ) &&
    (tilesPerSecond === null || (isFields(tilesPerSecond) && isAmount(tilesPerSecond['median'])))
  );
}

/**
 * @throws LungclsError INPUT_NOT_FOUND | INPUT_UNREADABLE | RESULTS_INVALID (with what was expected)
 */
export async function readBench(path: string): Promise<BenchResults> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw readError(error, path);
  });
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new LungclsError('RESULTS_INVALID', `${path} is no JSON: ${messageOf(error)}`, { path });
  }
  const problem = benchProblem(value);
  if (problem === undefined) return value as BenchResults;
  throw new LungclsError(
    'RESULTS_INVALID',
    `Expected a bench.json in ${path} but ${problem} is not there`,
    { path },
  );
}
