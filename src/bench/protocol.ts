/**
 * What the bench and a trial say to each other: a trial is a process that gets the path of a JSON file, and then
 * speaks lines of JSON. Ours run on Node, peers on Python; both follow docs/bench.md.
 */
import { LungclsError } from '../errors.js';
import { parseJson } from '../storage/json.js';

/** The JSON file that a trial is started with. */
export interface TrialSpec {
  readonly workload: string;
  readonly variant: string;
  /** The path of a text file with the path of one image a line. */
  readonly files: string;
  /** The path of an .npy (N, size, size, 3) uint8 RGB: the same images as tiles. */
  readonly tiles: string | null;
  /** A model bundle's folder, and the ONNX file to run. */
  readonly model: string | null;
  readonly onnx: string | null;
  /** The path of an .npy (N,) int64: classes of the tiles. */
  readonly labels?: string;
  /** Side of a tile in pixels. */
  readonly size: number;
  readonly batch: number;
  readonly threads: number;
  /** Of how many tiles, the first ones, the answers are compared. */
  readonly checkTiles: number;
  /** A folder of the trial's own, for whatever it writes. */
  readonly out: string;
}

export interface ReadyEvent {
  readonly event: 'ready';
  readonly versions: Readonly<Record<string, string>>;
  /** What it runs on, in words. */
  readonly device: string;
}

/** What a trial needs and has not found, such as a Python package. */
export interface MissingEvent {
  readonly event: 'missing';
  readonly what: string;
}

export interface RoundEvent {
  readonly event: 'round';
  readonly round: number;
  /** Tiles done, and in how many seconds. */
  readonly tiles: number;
  readonly seconds: number;
  /** Of each batch, in ms. */
  readonly latenciesMs?: readonly number[];
  /** Seconds that each stage alone takes for these tiles. */
  readonly stages?: Readonly<Record<string, number>>;
}

export interface EndEvent {
  readonly event: 'end';
  readonly peakRssBytes: number;
  /** The path of an .npy: what came out for the first tiles. */
  readonly answers: string;
}

export type TrialEvent = ReadyEvent | MissingEvent | RoundEvent | EndEvent;

/** What a trial is told: to work for about so many seconds, or to end. */
export type TrialRequest = { round: number; seconds: number } | { end: true };

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Finite and not negative: what times, counts and bytes are. */
function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function all(value: unknown, is: (entry: unknown) => boolean): boolean {
  return isFields(value) && Object.values(value).every(is);
}

const CHECKS: Readonly<Record<TrialEvent['event'], (fields: Fields) => boolean>> = {
  ready: ({ versions, device }) => all(versions, isText) && isText(device),
  missing: ({ what }) => isText(what),
  round: ({ round, tiles, seconds, latenciesMs, stages }) =>
    isAmount(round) &&
    isAmount(tiles) &&
    tiles > 0 &&
    isAmount(seconds) &&
    seconds > 0 &&
    (latenciesMs === undefined || (Array.isArray(latenciesMs) && latenciesMs.every(isAmount))) &&
    (stages === undefined || all(stages, isAmount)),
  end: ({ peakRssBytes, answers }) => isAmount(peakRssBytes) && isText(answers),
};

function isEvent(fields: Fields): fields is Fields & TrialEvent {
  const { event } = fields;
  return (
    isText(event) && Object.hasOwn(CHECKS, event) && CHECKS[event as TrialEvent['event']](fields)
  );
}

/**
 * The event that a line of a trial's stdout holds, or undefined where it is none: libraries greet there too.
 * @throws LungclsError INTERNAL: an event that lacks what the protocol asks for
 */
export function parseEvent(line: string): TrialEvent | undefined {
  if (!line.trimStart().startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = parseJson(line);
  } catch {
    return undefined;
  }
  if (!isFields(value) || !('event' in value)) return undefined;
  if (isEvent(value)) return value;
  throw new LungclsError('INTERNAL', `A trial broke the protocol: ${line.slice(0, 200)}`);
}

/**
 * The spec in the file that a trial was started with.
 * @throws LungclsError INVALID_OPTION
 */
export function parseSpec(text: string): TrialSpec {
  const value: unknown = parseJson(text);
  const texts = ['workload', 'variant', 'files', 'out'];
  const numbers = ['size', 'batch', 'threads', 'checkTiles'];
  const paths = ['tiles', 'model', 'onnx'];
  if (
    isFields(value) &&
    texts.every((name) => isText(value[name])) &&
    numbers.every((name) => isAmount(value[name])) &&
    paths.every((name) => value[name] === null || isText(value[name]))
  ) {
    return value as unknown as TrialSpec;
  }
  throw new LungclsError('INVALID_OPTION', 'Expected the spec of a trial (docs/bench.md)');
}

/**
 * What a trial is told by a line on stdin.
 * @throws LungclsError INVALID_OPTION
 */
export function parseRequest(line: string): TrialRequest {
  const value: unknown = parseJson(line);
  if (isFields(value)) {
    if (value['end'] === true) return { end: true };
    const { round, seconds } = value;
    if (isAmount(round) && isAmount(seconds)) return { round, seconds };
  }
  throw new LungclsError('INVALID_OPTION', `Expected a round or an end but received ${line}`);
}
