import { SluiceError } from '../core/errors.ts'

/** Asks before something large; without a terminal, or if the answer is no, it is refused and `--yes` is named. */
export async function askForConfirmation(fact: string, { question, refusal, hint }: Question): Promise<void> {
  const message = `${fact} ${question}`
  if (process.stdin.isTTY && process.stdout.isTTY && (await confirm(message))) return
  throw new SluiceError('invalid_usage', `${fact} ${refusal}`, { hint })
}

/** What asks takes longer to load than most commands take. */
async function confirm(message: string): Promise<boolean> {
  const { default: ask } = await import('@inquirer/confirm')
  return ask({ message, default: false })
}

interface Question {
  question: string
  refusal: string
  hint: string
}
