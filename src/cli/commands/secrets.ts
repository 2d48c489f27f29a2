import { text as readText } from 'node:stream/consumers'
import password from '@inquirer/password'
import { SluiceError } from '../../core/errors.ts'
import { SECRET_NAME, secretVariable } from '../../define/secret.ts'
import { makeStateFolder } from '../../homes/local/state-folder.ts'
import { type GlobalOptions, type Result, secretsOf } from '../options.ts'

/** Keeps a secret; its value comes from a prompt or standard input, never from an argument. */
export async function setSecret(name: string, options: GlobalOptions): Promise<Result> {
  if (!SECRET_NAME.test(name))
    throw new SluiceError('invalid_usage', `${JSON.stringify(name)} cannot be a secret's name.`, {
      hint: 'A name is letters, digits and _ . / -',
    })
  const value = process.stdin.isTTY
    ? await password({ message: `Value of ${name}`, mask: true })
    : (await readText(process.stdin)).replace(/\r?\n$/, '')
  if (value === '') throw new SluiceError('invalid_usage', `The value of ${name} is empty; nothing was kept.`)
  if (options.env !== undefined) {
    const { api } = await (await import('../remote/connect.ts')).connect(options)
    await api.post('/secrets', { name, value })
    return { data: { name }, text: `Kept ${name} in Secrets Manager; tasks see it within five minutes.` }
  }
  // The folder is kept out of version control before a secret lies in it.
  makeStateFolder(options.state)
  secretsOf(options).set(name, value)
  return { data: { name }, text: `Kept ${name}.` }
}

/** Lists the names of secrets. */
export function listSecrets(options: GlobalOptions): Result {
  const names = secretsOf(options).names()
  const text = names.length === 0 ? 'No secrets are kept here.' : names.join('\n')
  return { data: names.map((name) => ({ name, variable: secretVariable(name) })), text }
}

/** Forgets a secret. */
export function removeSecret(name: string, options: GlobalOptions): Result {
  if (!secretsOf(options).remove(name))
    throw new SluiceError('unknown_secret', `There is no secret ${name}.`, {
      hint: 'sluice secrets list shows their names.',
    })
  return { data: { name }, text: `Removed ${name}.` }
}
