import { SluiceError } from '../core/errors.ts'
import type { Plan } from '../core/plan.ts'
import type { SecretStore } from '../core/ports/working.ts'

/** One sentence for each secret that a task of the plan needs and that has no value. */
export async function findMissingSecrets({ tasks }: Plan, secrets: SecretStore): Promise<string[]> {
  const wanted = new Map<string, string>()
  for (const { policy, label, complete, failure } of tasks)
    if (!complete && failure === undefined)
      for (const name of Object.values(policy.secrets)) if (!wanted.has(name)) wanted.set(name, label)
  const missing: string[] = []
  for (const [name, label] of wanted)
    if (!(await secrets.isSet(name)))
      missing.push(`there is no secret ${name}, which ${label} needs; ${secrets.hint(name)}`)
  return missing
}

/** Refuses a plan whose tasks need secrets that are not set: their attempts would only fail. */
export async function requirePlanSecrets(plan: Plan, secrets: SecretStore): Promise<void> {
  const missing = await findMissingSecrets(plan, secrets)
  if (missing.length > 0)
    throw new SluiceError('unknown_secret', `Nothing was started.\n- ${missing.join('\n- ')}`)
}
