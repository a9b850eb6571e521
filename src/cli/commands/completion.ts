import { LungclsError } from '../../errors.js';
import { defineCommand } from '../command.js';

const SHELLS = ['bash', 'zsh'] as const;
type Shell = (typeof SHELLS)[number];

/**
 * Both scripts ask the program itself, which answers `--get-yargs-completions WORD...` with one
 * candidate a line; zsh gets `candidate:description`. Where there is no candidate, file names.
 */
const SCRIPTS: Record<Shell, string> = {
  bash: `# lungcls-fast completion for bash. Put this into ~/.bashrc:
#   source <(lungcls-fast completion bash)
_lungcls_fast() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  local candidates
  candidates=$(SHELL=/bin/bash "\${COMP_WORDS[0]}" --get-yargs-completions "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -W "$candidates" -- "$current")
  if [ "\${#COMPREPLY[@]}" -eq 0 ]; then
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _lungcls_fast lungcls-fast
`,
  zsh: `#compdef lungcls-fast
# lungcls-fast completion for zsh. Put this into ~/.zshrc, after compinit:
#   source <(lungcls-fast completion zsh)
_lungcls_fast() {
  local -a candidates
  candidates=("\${(@f)$(SHELL=/bin/zsh "\${words[1]}" --get-yargs-completions "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  candidates=("\${(@)candidates:#}")
  if (( \${#candidates} )); then
    _describe 'lungcls-fast' candidates || _files
  else
    _files
  fi
}
if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then
  _lungcls_fast "$@"
else
  compdef _lungcls_fast lungcls-fast
fi
`,
};

export const completionCommand = defineCommand({
  usage: 'completion [shell]',
  describe: 'Print a script that completes commands, flags and their values',
  builder: (argv) =>
    argv
      .positional('shell', {
        choices: SHELLS,
        defaultDescription: 'that of $SHELL',
        describe: 'For which shell',
      })
      .example('source <($0 completion bash)', 'for this session; for all of them in ~/.bashrc'),
  run(argv) {
    const shell = argv.shell ?? currentShell(process.env['SHELL']);
    const script = SCRIPTS[shell];
    return Promise.resolve({ value: { shell, script }, lines: script.trimEnd().split('\n') });
  },
});

function currentShell(path: string | undefined): Shell {
  const shell = SHELLS.find((name) => path?.endsWith(`/${name}`));
  if (shell !== undefined) return shell;
  throw new LungclsError(
    'USAGE',
    `Expected ${SHELLS.join(' or ')}: $SHELL is ${path ?? 'not set'}`,
  );
}
