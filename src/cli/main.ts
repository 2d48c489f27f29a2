import '../project/resolve-self.ts'
import { CommanderError } from 'commander'
import { readErrorMessage, SluiceError } from '../core/errors.ts'
import { listOpenWaits } from '../define/open-waits.ts'
import { answerCompletion } from './completion/answer.ts'
import { EXIT } from './exit.ts'
import { addHelpTexts } from './help.ts'
import type { Result } from './options.ts'
import { flushOutput, tolerateUnreadOutput } from './output.ts'
import { enterProject } from './place.ts'
import { makeProgram } from './program.ts'
import { addWorkCommands } from './work-commands.ts'

/** Runs the command and exits with its code. */
export async function main(args: string[]): Promise<void> {
  // Node ends a process whose promises nothing can settle any more, without a word and with exit code 0.
  process.once('beforeExit', () => process.exit(report(neverSettled(), args.includes('--json'))))
  tolerateUnreadOutput()
  const ended = await runCommand(args)
  const exitCode = await flushOutput().then(
    () => ended,
    (error) => report(error, args.includes('--json')),
  )
  process.exit(exitCode)
}

function neverSettled(): SluiceError {
  const what = listOpenWaits().join(' and ') || 'something'
  return new SluiceError(
    'never_settled',
    `The command waits for ${what}, but nothing is left that could end this wait.`,
    {
      hint: 'A promise in it never settles: look at what it awaits.',
    },
  )
}

async function runCommand(args: string[]): Promise<number> {
  let exitCode: number = EXIT.done
  const isJson = args.includes('--json')
  const done = (result: Result) => {
    print(result, isJson)
    exitCode = result.exitCode ?? EXIT.done
  }
  const build = async (words: string[], writeErr: (text: string) => void) => {
    enterProject(words)
    const program = makeProgram(done, writeErr)
    await addWorkCommands(program, words, done)
    addHelpTexts(program)
    return program
  }
  try {
    if (args[0] === 'complete') {
      const known = (words: string[]) => build(words, () => {})
      // The word that is being typed names nothing yet, and a name before it may be wrong.
      await answerCompletion((words) => known(words.slice(0, -1)).catch(() => known([])), args.slice(2))
      return EXIT.done
    }
    const program = await build(args, isJson ? () => {} : (text) => process.stderr.write(text))
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, isJson)
  }
}

function print({ data, text, isPrinted }: Result, isJson: boolean): void {
  if (isPrinted) return
  if (!isJson) console.log(text)
  else if (Array.isArray(data)) for (const line of data) console.log(JSON.stringify(line))
  else console.log(JSON.stringify(data))
}

/** Every error ends here: what was wrong, what is allowed, the next step. */
function report(error: unknown, isJson: boolean): number {
  // Closing failed after the command had: what the command met is the cause.
  if (error instanceof SuppressedError) return report(error.suppressed, isJson)
  if (error instanceof CommanderError) return reportUsage(error, isJson)
  if (error instanceof Error && ('syscall' in error || 'errcode' in error)) {
    console.error(`error: ${error.message}\nnext: Look at the permissions and the room of that file system.`)
    return EXIT.system
  }
  if (!(error instanceof SluiceError)) {
    console.error(`error: ${readErrorMessage(error)}`)
    console.error('next: this looks like a defect of Sluice; SLUICE_DEBUG=1 shows where it happened.')
    if (process.env.SLUICE_DEBUG) console.error(error)
    return EXIT.system
  }
  const { code, message, hint } = error
  if (isJson) console.error(JSON.stringify({ error: code, message, hint: hint ?? null }))
  else console.error(`error: ${message}${hint === undefined ? '' : `\nnext: ${hint}`}`)
  return error.source === 'user' ? EXIT.usage : EXIT.system
}

/** The command line's parser has told it already, but for `--json`. */
function reportUsage({ exitCode, message }: CommanderError, isJson: boolean): number {
  if (exitCode === 0) return EXIT.done
  const hint = 'Add --help to see what it takes.'
  const told = { error: 'invalid_usage', message: message.replace(/^error: /, ''), hint }
  if (isJson) console.error(JSON.stringify(told))
  return EXIT.usage
}
