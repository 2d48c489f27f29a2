import { randomUUID } from 'node:crypto'
import type { ECSClient } from '@aws-sdk/client-ecs'
import type { Control, OpenedShell } from '../../control/control.ts'
import { readErrorMessage } from '../../core/errors.ts'
import { KEPT } from '../../core/names.ts'
import type { Deployment } from '../../homes/remote/deployment.ts'
import { describeShell, explainShellStop } from '../../homes/remote/shell-words.ts'
import { EXIT } from '../exit.ts'
import type { Result } from '../options.ts'
import { BEST_SHELL, runSession, untilEnterable } from './session.ts'
import { whileStarted } from './while-started.ts'

/** What a shell of a program is opened with. */
export interface ProgramShellParts {
  /** The user's own: only users may enter containers, and no function of the deployment. */
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
        explainShellStop(stopped, opened as OpenedShell, deployment),
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
