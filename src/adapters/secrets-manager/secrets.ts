import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { SluiceError } from '../../core/errors.ts'
import type { SecretStore } from '../../core/ports/working.ts'

/** Secrets of a deployment. */
export interface ManagedSecrets extends SecretStore {
  set(name: string, value: string): Promise<void>
}

/** A changed secret is seen after this time; asking for each attempt would cost more than the attempt. */
const KEPT_MS = 5 * 60_000

/** The stage of the version that is read; a secret without a value has no version. */
const CURRENT = 'AWSCURRENT'

/**
 * Secrets in Secrets Manager under a prefix. The stack makes them without a value, so that none is in a template; the
 * value is set later.
 */
export function makeManagedSecrets(
  client: SecretsManagerClient,
  prefix: string,
  environment: string,
): ManagedSecrets {
  const kept = new Map<string, { value: string; until: number }>()
  const hint = (name: string) => `set it with: sluice secrets set ${name} --env ${environment}`
  return {
    hint,
    async get(name) {
      const known = kept.get(name)
      if (known !== undefined && Date.now() < known.until) return known.value
      try {
        const { SecretString } = await client.send(
          new GetSecretValueCommand({ SecretId: `${prefix}${name}` }),
        )
        if (!SecretString) return undefined
        kept.set(name, { value: SecretString, until: Date.now() + KEPT_MS })
        return SecretString
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined
        throw error
      }
    },
    async isSet(name) {
      try {
        const { VersionIdsToStages = {} } = await client.send(
          new DescribeSecretCommand({ SecretId: `${prefix}${name}` }),
        )
        return Object.values(VersionIdsToStages).some((stages) => stages.includes(CURRENT))
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return false
        throw error
      }
    },
    async set(name, value) {
      try {
        await client.send(new PutSecretValueCommand({ SecretId: `${prefix}${name}`, SecretString: value }))
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error
        throw new SluiceError('unknown_secret', `No task of this deployment uses a secret ${name}.`, {
          cause: error,
          hint: 'Name it in a task: secrets: { key: secret(…) }, then deploy.',
        })
      }
    },
  }
}
