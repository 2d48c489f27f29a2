import {
  ListSecretsCommand,
  type ListSecretsCommandOutput,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { DeployedEnvironment } from '../../define/deployed-environment.ts'
import type { TemplateResource } from '../../homes/remote/stack.ts'

/**
 * Names of secrets that stayed from an earlier deployment: they are there, but not in the stack, which so must not make
 * them again. Without the right to list secrets none are known, and CloudFormation tells of the first that is there.
 */
export async function findKeptSecrets(
  { region, stack }: DeployedEnvironment,
  deployed: { [id: string]: TemplateResource },
): Promise<string[]> {
  const own = new Set(Object.values(deployed).map(({ Properties }) => Properties?.Name))
  const there = await listStackSecrets(new SecretsManagerClient({ region }), stack).catch(() => [])
  return there.filter((name) => !own.has(name)).map((name) => name.slice(`${stack}/`.length))
}

/** Names of all secrets of a stack, whether they are part of it or not. */
export async function listStackSecrets(client: SecretsManagerClient, stack: string): Promise<string[]> {
  const names: string[] = []
  let after: string | undefined
  do {
    const page: ListSecretsCommandOutput = await client.send(
      new ListSecretsCommand({
        Filters: [{ Key: 'name', Values: [`${stack}/`] }],
        ...(after === undefined ? {} : { NextToken: after }),
      }),
    )
    names.push(...(page.SecretList ?? []).flatMap(({ Name }) => Name ?? []))
    after = page.NextToken
  } while (after !== undefined)
  return names.filter((name) => name.startsWith(`${stack}/`))
}
