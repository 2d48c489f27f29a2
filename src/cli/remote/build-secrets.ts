import { SluiceError } from '../../core/errors.ts'
import { listBuildSecrets } from '../../define/image.ts'
import { makeSecretVariableName } from '../../define/secret.ts'
import { openSecretsOfState } from '../../homes/local/open-control.ts'
import { getFamilyImage } from '../../project/check-images.ts'
import type { Project } from '../../project/load-config.ts'

/**
 * The secrets of this machine that images of a project are built with, as environment variables. Throws if one is missing: a
 * Dockerfile may go on without it, and the image would be another.
 */
export async function readBuildSecrets(
  { tasks }: Pick<Project, 'tasks'>,
  stateFolder: string,
): Promise<{ [variable: string]: string }> {
  const store = openSecretsOfState(stateFolder)
  const values: { [variable: string]: string } = {}
  const missing: string[] = []
  const names = [...tasks.values()].flatMap((definition) => listBuildSecrets(getFamilyImage(definition)))
  for (const name of new Set(names)) {
    const value = await store.get(name)
    if (value === undefined) missing.push(name)
    else values[makeSecretVariableName(name)] = value
  }
  if (missing.length === 0) return values
  throw new SluiceError(
    'unknown_secret',
    `Nothing was deployed: images are built with secrets that are not set on this machine: ${missing.join(', ')}.`,
    {
      hint: `Set each here: sluice secrets set ${missing[0]} (or the environment variable ${makeSecretVariableName(missing[0] ?? '')})`,
    },
  )
}
