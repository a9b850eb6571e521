/** One call of the command line, from its words to the exit code. */
import { format } from 'node:util';
import yargs, { type Argv } from 'yargs';
import { RESEARCH_NOTICE, TOOL_VERSION } from '../config.js';
import { LungclsError, messageOf } from '../errors.js';
import type { CommandContext, CommandResult, Execute, GlobalFlags } from './command.js';
import { COMMANDS } from './commands/index.js';
import { INTERRUPTED_EXIT_CODE, listenForInterrupts } from './interrupt.js';
import { hideDashes } from './options.js';
import { Reporter, type OutputStream } from './reporter.js';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** 128 + SIGPIPE: whoever read our output has gone. */
export const EXIT_BROKEN_PIPE = 141;

export interface Streams {
  stdout: OutputStream;
  stderr: OutputStream;
  /** Fires when nobody reads stdout any more. */
  readerGone: AbortSignal;
}

/** Runs a command line and returns the exit code: 0, 1 a failure, 2 a wrong call, 130 Ctrl-C. */
export async function runCommandLine(
  args: readonly string[],
  { readerGone, ...streams }: Streams,
): Promise<number> {
  let exitCode = 0;
  const execute: Execute = async (flags, run) => {
    exitCode = await runCommand(new Reporter({ ...flags, ...streams }), readerGone, run);
  };
  try {
    const parser = createParser(execute);
    await parser.parseAsync(hideDashes(args));
  } catch (error) {
    // Commands report their own errors; what arrives here is a call that yargs could not take.
    const json = args.includes('--json');
    const reporter = new Reporter({ json, quiet: false, verbose: false, ...streams });
    reporter.error(usageError(error, args));
    return EXIT_USAGE;
  }
  return exitCode;
}

/** The parser with every command; nothing heavy is loaded by it. */
export function createParser(execute: Execute): Argv<GlobalFlags> {
  const parser = yargs()
    .scriptName('lungcls-fast')
    .usage('$0 <command>\n\nTrains a lung-tissue classifier on histology tiles and runs it.')
    .locale('en')
    .parserConfiguration({
      // Positional arguments are names, never numbers.
      'parse-positional-numbers': false,
      'dot-notation': false,
    })
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'Print the result on stdout as JSON; everything else goes to stderr',
    })
    .option('quiet', {
      alias: 'q',
      type: 'boolean',
      default: false,
      describe: 'Print nothing but errors (and the JSON of --json)',
    })
    .option('verbose', {
      type: 'boolean',
      default: false,
      describe: 'Print the stack and the cause of an error',
    });
  for (const register of COMMANDS) register(parser, execute);
  return parser
    .demandCommand(1, 'Expected a command')
    .strict()
    .strictCommands()
    .help()
    .alias('help', 'h')
    .version(TOOL_VERSION)
    .group(['json', 'quiet', 'verbose', 'help', 'version'], 'Every command takes:')
    .epilogue(RESEARCH_NOTICE)
    .wrap(Math.min(110, process.stdout.isTTY ? process.stdout.columns : 100))
    .exitProcess(false)
    .fail(false);
}

async function runCommand(
  reporter: Reporter,
  readerGone: AbortSignal,
  run: (context: CommandContext) => Promise<CommandResult>,
): Promise<number> {
  using interrupts = listenForInterrupts(() => {
    reporter.message('Stopping; once more to stop at once without cleaning up');
  });
  using _console = redirectConsole(reporter);
  const signal = AbortSignal.any([interrupts.signal, readerGone]);
  try {
    const result = await run({
      task: reporter.task(signal),
      json: reporter.json,
      quiet: reporter.quiet,
    });
    if (result.stdoutTaken === true) for (const line of result.lines) reporter.message(line);
    else reporter.result(result.lines, result.value);
    return result.exitCode ?? 0;
  } catch (error) {
    // `| head` is no failure worth a word; what it broke off ends like any other pipe.
    if (readerGone.aborted) return EXIT_BROKEN_PIPE;
    reporter.error(error);
    if (error instanceof LungclsError) {
      if (error.code === 'ABORTED') return INTERRUPTED_EXIT_CODE;
      if (error.code === 'USAGE' || error.code === 'INVALID_OPTION') return EXIT_USAGE;
    }
    return EXIT_FAILURE;
  }
}

/** Libraries below us print greetings and hints; stdout belongs to the result alone. */
function redirectConsole(reporter: Reporter): Disposable {
  const names = ['log', 'info', 'debug', 'warn', 'error'] as const;
  const own = { ...console };
  for (const name of names) {
    console[name] = (...words: unknown[]) => {
      reporter.chatter(format(...words));
    };
  }
  return {
    [Symbol.dispose]() {
      Object.assign(console, own);
    },
  };
}

/** yargs's message on one line, with the help page that mends it. */
function usageError(error: unknown, args: readonly string[]): LungclsError {
  const [first] = args;
  const unknown = messageOf(error).startsWith('Unknown command');
  const command = first !== undefined && !first.startsWith('-') && !unknown ? ` ${first}` : '';
  const message = messageOf(error)
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(
      /^Invalid values: Argument: (\S+), Given: (.*), Choices: (.*)$/,
      'Expected one of $3 for $1 but received $2',
    )
    .trim();
  return new LungclsError('USAGE', `${message} (see lungcls-fast${command} --help)`, {
    cause: error,
  });
}
