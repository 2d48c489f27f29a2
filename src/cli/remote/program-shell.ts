import { randomUUID } from 'node:crypto'
import type { ECSClient, Task } from '@aws-sdk/client-ecs'
import type { Control, OpenedShell } from '../../control/control.ts'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import { KEPT } from '../../core/names.ts'
import { isMissingImage } from '../../core/program.ts'
import type { Deployment } from '../../homes/remote/deployment.ts'
import { describeProgram } from '../../runners/container/container-shell.ts'
import { EXIT } from '../exit.ts'
import type { Result } from '../options.ts'
import { BEST_SHELL, runSession, tellStop, untilEnterable } from './session.ts'
import { whileStarted } from './while-started.ts'

/** What a shell of a program is opened with. */
export interface ProgramShellParts {
  /** The user's own: entering a container is nobody else's right. */
  client: ECSClient
  deployment: Deployment
  control: Pick<Control, 'openShell' | 'endShell'>
  say(lines: string[]): void
}

/** Has the deployment open a shell for a task, enters it on this terminal, and has it ended afterwards. */
export async function openProgramShell(
  { client, deployment, control, say }: ProgramShellParts,
  asked: { run: string; task: string },
): Promise<Result> {
  let opened: OpenedShell | undefined
  const isWell = await whileStarted({
    async start() {
      opened = await control.openShell({ ...asked, token: randomUUID() })
      say([`A container of ${opened.task} starts, which takes about a minute …`])
      return opened.shell
    },
    prepare: (task) =>
      untilEnterable(client, deployment, { task, container: KEPT.program }, (stopped) =>
        explainStop(stopped, opened as OpenedShell, deployment),
      ),
    work(entered) {
      say(describeShell(opened as OpenedShell, entered.digest))
      return runSession(client, deployment, entered, BEST_SHELL)
    },
    stop: (shell) =>
      control.endShell({ shell }).catch((error) => {
        say([`It could not be ended, and ends by itself within the hour: ${readErrorMessage(error)}`])
      }),
  })
  const { run, task, shell } = opened as OpenedShell
  const data = { run, task, shell }
  if (isWell === undefined) return { data, text: 'The shell was stopped.', exitCode: EXIT.killed }
  return {
    data,
    text: 'The shell has ended, and its container is being stopped.',
    exitCode: isWell ? EXIT.done : EXIT.system,
  }
}

function describeShell({ task, image, argv, limitMs }: OpenedShell, digest: string | undefined): string[] {
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

function explainStop(stopped: Task, { run, task }: OpenedShell, { environment }: Deployment): SluiceError {
  const reason = tellStop(stopped)
  if (reason.includes('CannotPullContainer') && isMissingImage(reason))
    return new SluiceError('no_image', `The image of ${task} is gone: ${reason}.`, {
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
