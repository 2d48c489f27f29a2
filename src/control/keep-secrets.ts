import { SluiceError } from '../core/errors.ts'
import { makeSecretVariableName, SECRET_NAME } from '../define/secret.ts'
import type { Control } from './control.ts'
import { checkRequestShape, type SecretKeeper } from './parts.ts'
import { SecretRef, SecretValue } from './schemas.ts'

/** Operations on credentials. */
export function makeSecretOperations(
  keeper: SecretKeeper,
): Pick<Control, 'secrets' | 'setSecret' | 'removeSecret'> {
  return {
    async secrets() {
      return (await keeper.names()).map((name) => ({ name, variable: makeSecretVariableName(name) }))
    },
    async setSecret(secret) {
      const { name, value } = checkRequestShape(SecretValue, secret)
      checkSecretName(name)
      await keeper.set(name, value)
      return { name }
    },
    async removeSecret(secret) {
      const { name } = checkRequestShape(SecretRef, secret)
      if (!(await keeper.remove(name)))
        throw new SluiceError('unknown_secret', `There is no secret ${name}.`, {
          hint: 'sluice secrets list shows their names.',
        })
      return { name }
    },
  }
}

/** Throws if a name cannot be a secret's. */
export function checkSecretName(name: string): void {
  if (SECRET_NAME.test(name)) return
  throw new SluiceError('invalid_usage', `${JSON.stringify(name)} cannot be a secret's name.`, {
    hint: 'A name is letters, digits and _ . / -',
  })
}
