import type { Task } from '@aws-sdk/client-ecs'
import type { OpenedShell } from '../../control/control.ts'
import { SluiceError } from '../../core/errors.ts'
import { KEPT } from '../../core/names.ts'
import { describeProgram, explainMissingImage } from '../../core/program.ts'
import type { Deployment } from './deployment.ts'

/** Where a shell is, and what can be tried in it. */
export function describeShell(
  { task, image, argv, limitMs }: OpenedShell,
  digest: string | undefined,
): string[] {
  return [
    `A shell in a fresh container of ${task}. /sluice/out is empty, and nothing of it is published.`,
    ...describeImage(image, digest),
    ...describeProgram(argv ?? undefined),
    `It ends with the session, or ${limitMs / 60_000} minutes after its start.`,
  ]
}

/** A deployment has one image for each task definition, so that a tag may name another one by now. */
function describeImage(ran: string | null, now: string | undefined): string[] {
  if (ran === null || now === undefined || ran === now) return []
  return [`Its image is ${now}; the task has run in ${ran}: the image was deployed or pushed anew since.`]
}

/** Why the container of a shell has stopped before anybody was let in. */
export function explainShellStop(
  stopped: Task,
  { run, task }: OpenedShell,
  { environment }: Deployment,
): SluiceError {
  const reason = tellStop(stopped)
  const missing = explainMissingImage(reason)
  if (missing !== undefined)
    return new SluiceError('no_image', `No shell can be opened for ${task}: ${missing}.`, {
      hint: `Deploy again, which makes or names it anew: sluice deploy --env ${environment.name}.`,
    })
  if (/executable file not found|no such file/i.test(reason) || hasMissedCommand(stopped))
    return new SluiceError(
      'no_image',
      `No shell can be started in the image of ${task}: it has no sh, or no sleep.`,
      {
        hint: 'Images without a shell, such as distroless ones, often have a variant with one (`debug`); or give build(…) a target with a shell.',
      },
    )
  return new SluiceError('deployment_unreachable', `The shell of ${task} did not start: ${reason}.`, {
    hint: `What its keeper said is in the log group of the pool, in the streams POOL/${KEPT.keeper}/…; sluice status ${run} --env ${environment.name} shows the task.`,
  })
}

/** What a shell ends with that does not find its command. */
const hasMissedCommand = ({ containers = [] }: Task) =>
  containers.some(({ name, exitCode }) => name === KEPT.program && exitCode === 127)

/** Why an ECS task stopped, as ECS tells. */
export const tellStop = ({ stoppedReason, containers = [] }: Task): string =>
  [stoppedReason, ...containers.map(({ reason }) => reason)].filter(Boolean).join('; ') ||
  'no reason was told'
