/** What can be asked without doing any work: help, version, wrong calls, completion. */
import { execFile } from 'node:child_process';
import { mkdtemp, symlink, chmod, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { RESEARCH_NOTICE } from '#src/config.js';
import { MAIN, run } from './program.js';

const COMMANDS = [
  ['preprocess'],
  ['samples'],
  ['audit'],
  ['train'],
  ['predict'],
  ['export'],
  ['demo'],
  ['bench'],
  ['doctor'],
  ['base', 'list'],
  ['base', 'fetch'],
  ['base', 'import'],
  ['setup'],
  ['completion'],
];

test('help names every command and what the tool is not for', async (t) => {
  const { code, stdout, stderr } = await run(['--help']);
  t.is(code, 0);
  t.is(stderr, '');
  for (const [command = ''] of COMMANDS) t.regex(stdout, new RegExp(`lungcls-fast ${command}\\b`));
  t.true(stdout.replaceAll(/\s+/g, ' ').includes(RESEARCH_NOTICE));
});

for (const command of COMMANDS) {
  test(`help of ${command.join(' ')} has an example and the notice`, async (t) => {
    const { code, stdout } = await run([...command, '--help']);
    t.is(code, 0);
    t.regex(stdout, new RegExp(`Examples:[^]*lungcls-fast`));
    t.true(stdout.replaceAll(/\s+/g, ' ').includes('For research use only'));
  });
}

test('the help of train shows the recipe as defaults', async (t) => {
  const { stdout } = await run(['train', '--help']);
  const line = (flag: string): string =>
    stdout.split(/\n\s+(?=-)/).find((text) => text.includes(`${flag} `)) ?? '';
  t.regex(line('--epochs'), /default: 10\b/);
  t.regex(line('--batch-size'), /default: 64\b/);
  t.regex(line('--split'), /default: "random"/);
  t.regex(line('--validation-share'), /default: 0\.2\b/);
  t.regex(line('--split-seed'), /default: 2022\b/);
});

const WRONG: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no command', [], /Expected a command/],
  ['an unknown command', ['classify'], /Unknown command: classify/],
  ['an unknown flag', ['doctor', '--fast'], /Unknown argument: fast/],
  ['one tile to explain', ['audit', 's', '--explain', 'a'], /Not enough arguments.*explain/],
  ['no picture to explain', ['audit', 's', '--explain', 'a', 'b'], /Expected -o with --explain/],
  ['a missing argument', ['predict'], /Not enough non-option arguments/],
  [
    'one argument too many',
    ['samples', 'store', 'b', '-o', 'x.png'],
    /Unknown (argument|command): b/,
  ],
  ['a missing output', ['preprocess', 'tiles'], /Missing required argument: output/],
  [
    'a flag given twice',
    ['preprocess', 'tiles', '-o', 'x', '-o', 'y'],
    /Expected -o once but received it 2 times/,
  ],
  [
    'an unknown way to resize',
    ['preprocess', 'tiles', '-o', 'x', '--resize', 'nearest'],
    /Expected one of "cv2", "area", "fast" for resize but received "nearest"/,
  ],
  ['an output without a name', ['preprocess', 'tiles', '-o'], /Not enough arguments following: o/],
  [
    'a value that is none of the choices',
    ['predict', 'm', 't', '-o', 'x', '--engine', 'torch'],
    /Expected one of "onnx", "tfjs" for engine but received "torch"/,
  ],
  [
    'words for a number',
    ['train', 'store', '-o', 'x', '--epochs', 'many'],
    /Expected a number for --epochs/,
  ],
  ['one bench to compare', ['bench', '--compare', 'a.json'], /Not enough arguments.*compare/],
  ['words for sizes', ['bench', '--batch-sizes', 'few'], /positive integers.*--batch-sizes/],
  ['scale beside others', ['bench', '--suite', 'scale,decode'], /Expected scale alone/],
  ['a base command that is none', ['base', 'drop'], /Unknown command: drop/],
  ['json and data on one stdout', ['predict', 'm', 't', '-o', '-', '--json'], /both want stdout/],
];

for (const [what, args, message] of WRONG) {
  test(`a wrong call is one line and exit code 2: ${what}`, async (t) => {
    const { code, stdout, stderr } = await run(args);
    t.is(code, 2);
    t.regex(stderr, /^error\[USAGE\]: .*\n$/);
    t.regex(stderr, message);
    if (!args.includes('--json')) t.is(stdout, '');
  });
}

test('short commands load neither TensorFlow nor ONNX Runtime', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-words-'));
  const spy = join(folder, 'spy.cjs');
  await writeFile(
    spy,
    `process.on('exit', () => process.stderr.write('LOADED ' + Object.keys(require('node:module')._cache).join(' ')));`,
  );
  for (const args of [['--help'], ['train', '--help'], ['--version'], ['completion', 'bash']]) {
    const { code, stderr } = await run(args, { nodeArgs: ['--require', spy] });
    t.is(code, 0);
    t.regex(stderr, /LOADED .*spy\.cjs/);
    t.notRegex(stderr, /@tensorflow|onnxruntime|sharp|\.node\b/);
  }
});

test('completion follows $SHELL, or what it is told', async (t) => {
  t.regex((await run(['completion'], { env: { SHELL: '/usr/bin/zsh' } })).stdout, /^#compdef/);
  t.regex((await run(['completion'], { env: { SHELL: '/bin/bash' } })).stdout, /complete -F/);
  t.regex((await run(['completion', 'zsh'], { env: { SHELL: '/bin/bash' } })).stdout, /^#compdef/);
  const unknown = await run(['completion'], { env: { SHELL: '/usr/bin/fish' } });
  t.is(unknown.code, 2);
  t.regex(unknown.stderr, /^error\[USAGE\]: Expected bash or zsh/);
});

test('bash completes commands, flags and choices', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-words-'));
  await chmod(MAIN, 0o755);
  await symlink(MAIN, join(folder, 'lungcls-fast'));
  const complete = async (...words: string[]): Promise<string[]> => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const { stdout } = await promisify(execFile)(
      'bash',
      [
        '-c',
        `source <(lungcls-fast completion bash)
         COMP_WORDS=(lungcls-fast ${quoted}); COMP_CWORD=${words.length}
         _lungcls_fast; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      { env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` } },
    );
    return stdout.trim().split('\n');
  };
  t.deepEqual(await complete('pre'), ['preprocess', 'predict']);
  t.deepEqual(await complete('base', ''), ['list', 'fetch', 'import']);
  t.true((await complete('train', '--')).includes('--split-seed'));
  t.deepEqual(await complete('train', '--pixels', 'r'), ['recipe']);
  t.deepEqual(await complete('predict', 'model', 'package.js'), ['package.json']);
});

test('doctor and setup --check say what is here, and change nothing', async (t) => {
  const doctor = await run(['doctor', '--json']);
  const { ok, facts } = JSON.parse(doctor.stdout) as {
    ok: boolean;
    facts: { id: string; status: string }[];
  };
  t.is(doctor.code, ok ? 0 : 1);
  t.is(ok, !facts.some(({ status }) => status === 'missing'));
  for (const id of ['node', 'addon', 'tensorflow', 'onnxruntime', 'cpu', 'memory']) {
    t.true(
      facts.some((fact) => fact.id === id),
      id,
    );
  }
  t.is(facts.find(({ id }) => id === 'addon')?.status, 'ok');

  const setup = await run(['setup', '--check', '--json']);
  t.deepEqual(JSON.parse(setup.stdout), { ok: setup.code === 0 });
  t.regex(setup.stderr, /native addon/i);
});
