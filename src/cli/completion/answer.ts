import { stripVTControlCharacters } from 'node:util'
import type { Command } from 'commander'
import { completeLastWord } from './complete.ts'

/**
 * Answers a completion script: a line for each candidate, with a tab before its description. Errors are not printed,
 * because the shell would show them in the middle of the command line.
 */
export async function answerCompletion(
  makeProgram: (words: string[]) => Promise<Command>,
  words: string[],
): Promise<void> {
  const unmute = mute()
  const found = await makeProgram(words)
    .then((program) => completeLastWord(program, words))
    .catch(() => [])
    .finally(unmute)
  for (const { value, text = '' } of found) console.log(`${clean(value)}\t${clean(text)}`.trimEnd())
}

const clean = (text: string) => stripVTControlCharacters(text).replace(/\p{Cc}/gu, ' ')

/** Modules of the project may print while they load. */
function mute(): () => void {
  const { write } = process.stdout
  process.stdout.write = () => true
  return () => {
    process.stdout.write = write
  }
}
