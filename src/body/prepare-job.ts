import type { BodyJob } from '../body/body-job.ts'
import { SluiceError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Job, SecretStore } from '../core/ports/working.ts'
import { MARKER_URI, type Markers } from '../define/targets/marker.ts'

/** Gathers what a child cannot read itself: results of markers, and the secrets that the task names. */
export async function prepareBodyJob(job: Job, secrets: SecretStore, markers: Markers): Promise<BodyJob> {
  const { run, task, attempt, nonce, upstreams, dependencies, checkpoint, budgets } = job
  const without = [...upstreams, ...dependencies].filter((upstream) => upstream.outputs.length === 0)
  const found = without.length === 0 ? [] : await markers.read(without.map((upstream) => upstream.id))
  const results = without.map((each, index): [string, Json] => [each.id, found[index]?.result ?? null])
  return {
    run,
    family: task.family,
    params: task.params,
    attempt,
    writer: nonce,
    ...(task.requires === undefined ? {} : { requires: task.requires }),
    ...(task.forced || job.replaces ? { replaces: true } : {}),
    upstreams: upstreams.map(({ number, family, params }) => ({ number, family, params })),
    dependencies: dependencies.map(({ id }) => id),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    budgets,
    markers: Object.fromEntries(results),
    secrets: await readSecretValues(task.policy.secrets, secrets),
  }
}

/** The values of secrets; throws if one is not set. */
export async function readSecretValues(
  names: { [name: string]: string },
  secrets: SecretStore,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const [name, secret] of Object.entries(names)) {
    const value = await secrets.get(secret)
    if (value === undefined)
      throw new SluiceError('unknown_secret', `there is no secret ${secret}; ${secrets.hint(secret)}`)
    values[name] = value
  }
  return values
}

/** Results of the tasks without output that a container reads, by the URIs of its inputs. */
export async function readInputResults(
  { container }: Pick<PlannedTask, 'container'>,
  markers: Markers,
): Promise<ReadonlyMap<string, Json>> {
  const uris = (container?.inputs ?? []).map(({ uri }) => uri).filter((uri) => uri.startsWith(MARKER_URI))
  const found = uris.length === 0 ? [] : await markers.read(uris.map((uri) => uri.slice(MARKER_URI.length)))
  return new Map(uris.map((uri, index) => [uri, found[index]?.result ?? null]))
}
