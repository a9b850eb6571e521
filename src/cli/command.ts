/** The shape that every command has. */
import type { ArgumentsCamelCase, Argv } from 'yargs';
import { RESEARCH_NOTICE } from '../config.js';
import { LungclsError } from '../errors.js';
import type { TaskOptions } from '../runtime/progress.js';

/** Flags that every command takes. */
export interface GlobalFlags {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
}

export interface CommandContext {
  /** Call-backs and signal to hand to the library. */
  readonly task: Required<TaskOptions>;
  readonly json: boolean;
  readonly quiet: boolean;
}

export interface CommandResult {
  /** What `--json` prints. */
  readonly value: unknown;
  /** What a human reads. */
  readonly lines: readonly string[];
  /** Where stdout carries data already, the lines go to stderr and there is no JSON. */
  readonly stdoutTaken?: boolean;
  /** 0 unless given. */
  readonly exitCode?: number;
}

export interface CommandSpec<T> {
  /** In yargs's notation: `predict <model> <inputs..>`. */
  readonly usage: string;
  readonly describe: string;
  readonly builder: (argv: Argv<GlobalFlags>) => Argv<T>;
  /** Loads what it needs when it runs, so that `--help` of any command stays quick. */
  readonly run: (argv: ArgumentsCamelCase<T>, context: CommandContext) => Promise<CommandResult>;
}

export type Execute = (
  flags: GlobalFlags,
  run: (context: CommandContext) => Promise<CommandResult>,
) => Promise<void>;

/** Adds a command to the parser. */
export type RegisterCommand = (parser: Argv<GlobalFlags>, execute: Execute) => void;

export function defineCommand<T extends GlobalFlags>(spec: CommandSpec<T>): RegisterCommand {
  return (parser, execute) => {
    parser.command(
      spec.usage,
      spec.describe,
      (argv) => spec.builder(argv).epilogue(RESEARCH_NOTICE),
      async (argv) => {
        checkValues(argv);
        await execute(argv, (context) => spec.run(argv, context));
      },
    );
  };
}

/** Arguments that are lists. */
const LISTS = ['_', 'inputs', 'explain', 'compare'];

/** yargs turns what is no number into NaN, a flag given twice into a list, and says nothing. */
function checkValues(argv: object): void {
  for (const [name, value] of Object.entries(argv)) {
    if (typeof value === 'number' && Number.isNaN(value)) {
      throw new LungclsError('USAGE', `Expected a number for --${name}`);
    }
    if (Array.isArray(value) && !LISTS.includes(name)) {
      throw new LungclsError(
        'USAGE',
        `Expected ${name.length === 1 ? `-${name}` : `--${name}`} once but received it ${value.length} times`,
      );
    }
  }
}
