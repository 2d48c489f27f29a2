/** Shells with a completion script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
/** A shell that Sluice can complete commands in. */
export type Shell = (typeof SHELLS)[number]

/** The answer that makes the shell complete file names. */
export const FILES = ':files'

// The scripts only call the command, so an installed script knows new commands, pipelines and runs.
// The words of the command line are passed as arguments and never evaluated.

const ASK = `  if type sluice >/dev/null 2>&1; then command sluice complete -- "$@"
  else npx --no-install sluice complete -- "$@"
  fi 2>/dev/null`

const BASH = `# Completion of sluice for bash. In ~/.bashrc: eval "$(sluice completion bash)"
_sluice_ask() {
${ASK}
}
_sluice() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = '${FILES}' ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
    else
      COMPREPLY+=("$(printf '%q' "\${line%%$'\\t'*}")")
    fi
  done < <(_sluice_ask "\${COMP_WORDS[@]:1:COMP_CWORD}")
}
complete -F _sluice sluice
`

const ZSH = `#compdef sluice
# Completion of sluice for zsh. In ~/.zshrc, after compinit: eval "$(sluice completion zsh)"
_sluice_ask() {
${ASK}
}
_sluice() {
  local line tab=$'\\t' value
  local -a found
  while IFS= read -r line; do
    if [[ "$line" == '${FILES}' ]]; then
      _files
      return
    fi
    value=\${line%%$tab*}
    found+=("\${value//:/\\\\:}:\${line#*$tab}")
  done < <(_sluice_ask "\${(@Q)words[2,CURRENT]}")
  _describe -V sluice found
}
if (( $+functions[compdef] )); then compdef _sluice sluice; fi
`

const FISH = `# Completion of sluice for fish: sluice completion fish > ~/.config/fish/completions/sluice.fish
function __sluice_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -e words[1]
    set -l found
    if type -q sluice
        set found (command sluice complete -- $words "$current" 2>/dev/null)
    else
        set found (npx --no-install sluice complete -- $words "$current" 2>/dev/null)
    end
    for line in $found
        if test "$line" = '${FILES}'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c sluice -f -a '(__sluice_complete)'
`

/** The script that makes a shell complete commands, flags, names and runs. */
export function makeCompletionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell]
}
