// Sets up whatever is missing, in a checkout or in an installed package. Plain Node: it runs before
// any dependency is there. Every step knows by itself whether there is anything to do, so running it
// twice, or after an interruption, does what is left; once all is done it needs no network.
import { join } from 'node:path';
import { addonStep, typescriptStep } from './setup/build.mjs';
import { createContext, USAGE } from './setup/context.mjs';
import { baseStep, browserStep, clangStep, cudaStep, pythonStep } from './setup/extras.mjs';
import { libtensorflowStep } from './setup/libtensorflow.mjs';
import { takeLock } from './setup/lock.mjs';
import { modulesStep } from './setup/modules.mjs';

const STEPS = [
  modulesStep,
  addonStep,
  typescriptStep,
  libtensorflowStep,
  baseStep,
  cudaStep,
  clangStep,
  pythonStep,
  browserStep,
];

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Brings one step up to date and says so. Returns whether what is necessary is there. */
async function perform(step, context) {
  const { flags, say } = context;
  const { done, detail } = await step.state(context);
  if (done) {
    if (!flags.quiet) say(`ok     ${step.name}: ${detail}`);
    return true;
  }
  if (flags.check) {
    say(`${step.optional ? 'could ' : 'lacks '} ${step.name}: ${detail}`);
    return step.optional === true;
  }
  say(`doing  ${step.name}: ${detail}`);
  const start = performance.now();
  try {
    const result = await step.run(context);
    say(`done   ${step.name}: ${result} (${seconds(start)})`);
    return true;
  } catch (error) {
    say(
      `${step.optional ? 'warns ' : 'failed'} ${step.name}: ${error.message} (${seconds(start)})`,
    );
    return step.optional === true;
  }
}

async function main() {
  const context = createContext(process.argv.slice(2));
  const { flags, say } = context;
  if (flags.help) {
    say(USAGE);
    return true;
  }
  const start = performance.now();
  const release = flags.check
    ? () => {}
    : await takeLock(join(context.build, 'setup.lock'), (pid) => {
        say(`waiting for another set-up (process ${pid})`);
      });
  try {
    let complete = true;
    for (const step of STEPS) {
      if (step.applies?.(context) === false) continue;
      const good = await perform(step, context);
      complete &&= good;
      // Later steps build on this one.
      if (!good && !flags.check) return false;
    }
    if (!flags.quiet)
      say(
        `${complete ? 'Everything necessary is there' : 'Something is missing'} (${seconds(start)})`,
      );
    return complete;
  } finally {
    release();
  }
}

// Whoever reads this may stop reading; the work goes on.
process.stdout.on('error', () => {});

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
