import type { Contract, Sizes, Spot } from './figures.ts'
import type { CommandFigures, Measures } from './measure.ts'

/** The only file that may choose between this machine and a deployment. */
const COMPOSING_PLACE = 'src/cli/open-control.ts'

/** How the figures are counted and what they cannot see; also the text of `--help`. */
export const COUNTING = `Measures the structure of the code: src, functions, infra, tasks, worker; no tests.

rooms     Folders: one of src, one adapter (src/adapters/X), one home (src/homes/X), or one beside src.
walk      Starts at the function of a command (\`.action(…)\` in src/cli) with all its parameters, which are the options,
          and follows the calls that take them, a part of them, an object or array that holds them, or a result that
          holds them; depth first, in source order. Members are told apart three deep (asked.request.params).
          A stay is a stretch of calls in one room; a return is a stay in a room that was left before. Names are the
          parameters and variables that carry the options or a part of them, each once.
ports     A call of an interface counts as a stay in the room of the interface. It goes on in the implementation if there
          is one; "every door" goes on in each implementation, one after the other.
branches  Conditions (if, switch, ?:) in src/cli that ask for env, environment, deployed, deployment or remote. One file may
          choose, because something has to: ${COMPOSING_PLACE}. Its conditions are counted and listed as all others.
names     Top-level functions of the same name in two or more files. Lengths are means in letters.
contracts Texts that look like names (four letters or more, with a capital, -, _ or .) and are written in src and in infra
          or functions, except those whose type lists the allowed texts.

It does not see: calls through variables and callbacks that the checker gives no declaration, what a class or a closure
keeps for later, members deeper than three, what is computed from the options (texts, comparisons), which branch is taken,
and contracts whose name is composed of parts.`

/** The figures as text, for people. */
export function renderMeasures(measures: Measures): string {
  const { commands, branches, casts, names, sizes, contracts } = measures
  return [
    COUNTING,
    '',
    `tree      ${measures.tree}`,
    '',
    'WALKS OF COMMANDS                stops at ports                     every door',
    'command                 rooms  stays  returns  names       rooms  stays  returns  names',
    ...commands.map(commandLine),
    '',
    `COMMANDS THAT BRANCH ON WHERE THEY RUN: ${branches.length}, of which ${branches.filter(isComposing).length} in the composing place ${COMPOSING_PLACE}`,
    ...branches.map(spotLine),
    '',
    `CASTS: ${casts.casts} in ${casts.lines} lines, ${casts.castsPerThousandLines} per 1,000; assertions with !: ${casts.nonNullAssertions}`,
    ...casts.places.map(({ file, count }) => `  ${String(count).padStart(4)}  ${file}`),
    '',
    `FUNCTION NAMES IN TWO OR MORE FILES: ${names.functionsInSeveralFiles.length}; of exported functions: ${names.exportedInSeveralFiles.length}`,
    ...names.functionsInSeveralFiles.map(({ name, files }) => `  ${name}: ${files.join(', ')}`),
    '',
    `MEAN LENGTH OF NAMES: ${names.meanExportedLength} of ${names.exportedFunctions} exported functions; ${names.meanLength} of all ${names.allFunctions}`,
    '',
    `EXPORTS WITHOUT DOCSTRING: ${names.withoutDocstring.length}`,
    ...names.withoutDocstring.map(spotLine),
    '',
    ...sizeLines('FILES', sizes.files),
    ...sizeLines('FUNCTIONS', sizes.functions),
    `CONTRACTS ON TWO SIDES: ${contracts.length}`,
    ...contracts.map(contractLine),
  ].join('\n')
}

function commandLine({ command, atPorts, everyDoor }: CommandFigures): string {
  const figures = [atPorts, everyDoor].map(({ rooms, stays, returns, names }) =>
    [
      String(rooms).padStart(5),
      String(stays).padStart(6),
      String(returns).padStart(8),
      String(names).padStart(6),
    ].join(' '),
  )
  return `${command.padEnd(24)}${figures.join('       ')}`
}

const isComposing = ({ at }: Spot): boolean => at.startsWith(`${COMPOSING_PLACE}:`)

const spotLine = ({ name, at }: Spot): string => `  ${at}  ${name}`

function sizeLines(title: string, sizes: Sizes): string[] {
  const { count, median, ninetyPercent, longest, limit, beyondLimit } = sizes
  return [
    `${title}: ${count}; lines: median ${median}, 90 % ${ninetyPercent}, longest ${longest}; over ${limit} lines: ${beyondLimit.length}`,
    ...beyondLimit.map(spotLine),
    '',
  ]
}

const contractLine = ({ name, code, infrastructure }: Contract): string =>
  `  ${name}: ${code.join(', ')} and ${infrastructure.join(', ')}`
