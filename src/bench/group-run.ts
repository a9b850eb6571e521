/** Runs the trials of one group: each in a fresh process, all ready first, then in turns, round by round. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LungclsError, messageOf } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';
import { compareAnswers, readAnswers, type Answers } from './answers.js';
import type { TrialSpec } from './protocol.js';
import type { Comparison, RoundSample, TrialResult } from './results.js';
import { comparisonsOf, summarize, type TrialFacts } from './summary.js';
import { TrialProcess, type TrialCommand } from './trial-process.js';
import type { VariantPlan } from './workload.js';

/** Loading a network of hundreds of megabytes while the others of its group do so too. */
const READY_TIMEOUT_MS = 240_000;
/** Beyond what a round was to take: a batch of the slowest engine. */
const ROUND_TIMEOUT_MS = 180_000;

/** A trial to start. */
export interface Contender {
  readonly plan: VariantPlan;
  /** The program; the path of its spec is appended. */
  readonly command: TrialCommand;
  readonly spec: Omit<TrialSpec, 'out'>;
}

export interface GroupJob {
  readonly suite: string;
  readonly workload: string;
  readonly group: string;
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly roundSeconds: number;
  /** A folder for the trials' own. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  /** Called before each round of a trial. */
  readonly onRound?: (done: number, total: number, name: string) => void;
  /** Called between the rounds, while no trial works. */
  readonly probe?: () => void;
}

export interface GroupResult {
  readonly trials: readonly TrialResult[];
  readonly comparisons: readonly Comparison[];
}

/** One contender under way. */
interface Running {
  readonly contender: Contender;
  readonly process: TrialProcess;
  readonly rounds: RoundSample[];
  facts: Pick<TrialFacts, 'device' | 'versions'>;
  status: TrialFacts['status'];
  reason: string;
  peakRssBytes: number | null;
  answers: Answers | undefined;
}

/**
 * A trial that crashes, hangs or lacks something is a result too; the others go on.
 * @throws LungclsError ABORTED
 */
export async function runGroup(job: GroupJob): Promise<GroupResult> {
  const running = await Promise.all(
    job.contenders.map((contender, i) => start(contender, join(job.folder, String(i)), job)),
  );
  const onAbort = (): void => {
    for (const { process } of running) process.kill();
  };
  job.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.all(running.map(getReady));
    await runRounds(running, job);
    // One after the other: an answer is work too.
    for (const trial of running) await finish(trial);
    throwIfAborted(job.signal);
    return judge(running, job);
  } finally {
    job.signal?.removeEventListener('abort', onAbort);
    for (const { process } of running) process.kill();
    await Promise.all(running.map(({ process }) => process.close()));
  }
}

async function start(contender: Contender, folder: string, job: GroupJob): Promise<Running> {
  const { plan, command, spec } = contender;
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'spec.json');
  await writeFile(path, JSON.stringify({ ...spec, out: folder } satisfies TrialSpec));
  const env = { ...job.environment, ...command.env, ...plan.env };
  return {
    contender,
    process: new TrialProcess({ ...command, args: [...command.args, path], env }),
    rounds: [],
    facts: { device: '', versions: {} },
    status: 'ok',
    reason: '',
    peakRssBytes: null,
    answers: undefined,
  };
}

async function getReady(trial: Running): Promise<void> {
  await attempt(trial, async () => {
    const event = await trial.process.expect(['ready', 'missing'], READY_TIMEOUT_MS);
    if (event.event === 'missing') {
      trial.status = 'missing';
      trial.reason = event.what;
    } else trial.facts = { device: event.device, versions: event.versions };
  });
}

async function runRounds(running: readonly Running[], job: GroupJob): Promise<void> {
  const { rounds, roundSeconds, signal } = job;
  const total = rounds * running.length;
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    job.probe?.();
    for (let i = 0; i < running.length; i++) {
      throwIfAborted(signal);
      // Another one begins each round, so that none always comes after the same one.
      const trial = running[(round + i) % running.length];
      if (trial === undefined) continue;
      job.onRound?.(done++, total, trial.contender.plan.name);
      await attempt(trial, async () => {
        trial.process.send({ round, seconds: roundSeconds });
        const timeout = ROUND_TIMEOUT_MS + 10_000 * roundSeconds;
        const { event: _, ...sample } = await trial.process.expect(['round'], timeout);
        trial.rounds.push({ ...sample, round });
      });
    }
  }
}

async function finish(trial: Running): Promise<void> {
  await attempt(trial, async () => {
    trial.process.send({ end: true });
    const { peakRssBytes, answers } = await trial.process.expect(['end'], READY_TIMEOUT_MS);
    trial.peakRssBytes = peakRssBytes;
    trial.answers = await readAnswers(answers);
    await trial.process.close();
  });
}

/** Whatever goes wrong ends this trial alone. */
async function attempt(trial: Running, work: () => Promise<void>): Promise<void> {
  if (trial.status !== 'ok') return;
  try {
    await work();
  } catch (error) {
    if (error instanceof LungclsError && error.code === 'ABORTED') throw error;
    trial.status = 'failed';
    trial.reason = messageOf(error);
    trial.process.kill();
  }
}

function judge(running: readonly Running[], job: GroupJob): GroupResult {
  const reference = running.find(({ status, answers }) => status === 'ok' && answers !== undefined);
  const trials = running.map((trial): TrialResult => {
    const { contender, answers, facts, status, reason, rounds, peakRssBytes } = trial;
    const { plan, spec } = contender;
    const isReference = trial === reference;
    const check =
      isReference || answers === undefined || reference?.answers === undefined
        ? null
        : compareAnswers(answers, reference.answers, plan.check, reference.contender.plan.name);
    const wrong = check !== null && !check.ok;
    return summarize({
      suite: job.suite,
      workload: job.workload,
      group: job.group,
      plan,
      batch: spec.batch,
      threads: spec.threads,
      ...facts,
      status: wrong ? 'wrong' : status,
      reason: wrong ? `its answer: ${check.found}` : reason,
      environment: { ...job.environment, ...plan.env },
      rounds,
      peakRssBytes,
      check,
      reference: isReference,
    });
  });
  return { trials, comparisons: comparisonsOf(trials) };
}
