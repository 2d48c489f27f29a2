import { readInputResults, readSecretValues } from '../../body/prepare-job.ts'
import type { PlannedTask } from '../../core/plan.ts'
import type { SecretStore } from '../../core/ports/working.ts'
import type { Markers } from '../../define/targets/marker.ts'
import type { PreparedContainer } from '../../runners/container/container-spec.ts'

/** What a container of this machine is given that is not in the plan. Throws if a secret of the task is not set. */
export async function prepareContainer(
  task: PlannedTask,
  secrets: SecretStore,
  markers: Markers,
): Promise<PreparedContainer> {
  const buildSecrets = await readBuildSecrets(task, secrets)
  return {
    secrets: await readSecretValues(task.policy.secrets, secrets),
    results: await readInputResults(task, markers),
    buildSecrets,
    masked: Object.values(buildSecrets),
  }
}

/** An image that is built already needs none of its secrets, so one that is not set is told by the build. */
async function readBuildSecrets(
  { container }: PlannedTask,
  secrets: SecretStore,
): Promise<{ [id: string]: string }> {
  const image = container?.image
  const names = image !== undefined && 'build' in image ? (image.build.secrets ?? {}) : {}
  const values: { [id: string]: string } = {}
  for (const [id, name] of Object.entries(names)) {
    const value = await secrets.get(name)
    if (value !== undefined) values[id] = value
  }
  return values
}
