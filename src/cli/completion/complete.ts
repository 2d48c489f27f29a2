import type { Argument, Command, Option } from 'commander'
import { FILES } from './scripts.ts'
import { type Candidate, listCompletionValues, type Where } from './values.ts'

/**
 * Candidates for the last of these words, which is being typed: flags, commands, or values of a flag or argument. The
 * words are the command line without `sluice`.
 */
export async function completeLastWord(program: Command, words: readonly string[]): Promise<Candidate[]> {
  const { before, current, prefix } = splitCompletedWords(words)
  const spot = findSpot(program, before, current)
  const found = await candidatesAt(spot, current)
  return found
    .filter(({ value }) => value === FILES || value.startsWith(current))
    .map((each) => (each.value === FILES ? each : { ...each, value: prefix + each.value }))
}

/** `--env=prod` is a flag and its value; bash splits it and passes `=` as a word. */
function splitCompletedWords(words: readonly string[]): {
  before: string[]
  current: string
  prefix: string
} {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1).filter((word) => word !== '=')
  if (typed === '=') return { before, current: '', prefix: '' }
  const [, flag, value] = /^(--[\w-]+)=(.*)$/s.exec(typed) ?? []
  if (flag === undefined) return { before, current: typed, prefix: '' }
  return { before: [...before, flag], current: value ?? '', prefix: `${flag}=` }
}

/** The word at the cursor. */
interface Spot {
  command: Command
  /** The flag whose value is typed. */
  option?: Option
  /** The argument that is typed. */
  argument?: Argument
  where: Where
}

function findSpot(program: Command, before: readonly string[], current: string): Spot {
  const { command, option, given, flags } = readWords(program, before)
  const where = { command: formatCommandPath(command), given, flags }
  const isFlag = current.startsWith('-') && !option?.required
  if (isFlag) return { command, where }
  if (option !== undefined) return { command, option, where }
  const argument = command.registeredArguments[given.length]
  return { command, where, ...(argument === undefined ? {} : { argument }) }
}

/** Reads the complete words: the command, its arguments and flags, and a flag whose value is missing. */
interface Read {
  command: Command
  given: string[]
  flags: { [name: string]: string }
  option?: Option | undefined
}

function readWords(program: Command, words: readonly string[]): Read {
  const read: Read = { command: program, given: [], flags: {} }
  for (const word of words) {
    const { option } = read
    read.option = undefined
    if (option !== undefined && !word.startsWith('-')) read.flags[option.attributeName()] = word
    else if (word.startsWith('-')) read.option = findOption(read.command, word)
    else readOperand(read, word)
  }
  return read
}

function readOperand(read: Read, word: string): void {
  const inner = read.command.commands.find((each) => each.name() === word)
  if (inner === undefined || read.given.length > 0) read.given.push(word)
  else read.command = inner
}

/** The flag of a word that takes a value next. */
function findOption({ options }: Command, word: string): Option | undefined {
  const found = options.find(({ long, short }) => word === long || word === short)
  return found?.required || found?.optional ? found : undefined
}

const formatCommandPath = (command: Command): string =>
  command.parent?.parent ? `${formatCommandPath(command.parent)} ${command.name()}` : command.name()

async function candidatesAt(
  { command, option, argument, where }: Spot,
  current: string,
): Promise<Candidate[]> {
  if (option?.argChoices) return option.argChoices.map((value) => ({ value }))
  if (argument?.argChoices) return argument.argChoices.map((value) => ({ value }))
  if (option !== undefined) return listCompletionValues(option.attributeName(), where)
  if (current.startsWith('-')) return listFlags(command)
  if (command.commands.length > 0 && where.given.length === 0) return listCommands(command)
  return argument === undefined ? [] : listCompletionValues(argument.name(), where)
}

const listFlags = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short, description }) => ({ value: long ?? short ?? '', text: description }))

const listCommands = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ value: each.name(), text: each.description() }))
