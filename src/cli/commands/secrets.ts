import { text as readText } from 'node:stream/consumers'
import { checkSecretName } from '../../control/keep-secrets.ts'
import { SluiceError } from '../../core/errors.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'

/** Keeps a secret; its value comes from a prompt or standard input, never from an argument. */
export async function setSecret(name: string, options: GlobalOptions): Promise<Result> {
  checkSecretName(name)
  const value = process.stdin.isTTY
    ? await askPassword(`Value of ${name}`)
    : (await readText(process.stdin)).replace(/\r?\n$/, '')
  if (value === '') throw new SluiceError('invalid_usage', `The value of ${name} is empty; nothing was kept.`)
  await using control = await openControl(options, undefined)
  const data = await control.setSecret({ name, value })
  const where = control.isHosted ? ' in Secrets Manager; tasks see it within five minutes' : ''
  return { data, text: `Kept ${name}${where}.` }
}

async function askPassword(message: string): Promise<string> {
  const { default: ask } = await import('@inquirer/password')
  return ask({ message, mask: true })
}

/** Lists the names of secrets. */
export async function listSecrets(options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, undefined)
  const secrets = await control.secrets()
  const text = secrets.length === 0 ? 'No secrets are kept here.' : secrets.map(({ name }) => name).join('\n')
  return { data: secrets, text }
}

/** Forgets a secret. */
export async function removeSecret(name: string, options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, undefined)
  return {
    data: await control.removeSecret({ name }),
    text: `Removed ${name}.`,
  }
}
