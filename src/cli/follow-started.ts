import type { RunShape, Started } from '../control/control.ts'
import { EXIT } from './exit.ts'
import { makeProgressView, type RunFollower, type RunOptions } from './follow.ts'
import type { CommandControl } from './open-control.ts'
import type { Result } from './options.ts'
import { renderColumns, renderStatus } from './render/text.ts'

type Opened = Extract<Started, { run: string }>
type RunStatus = RunShape['status']

/** Follows several runs that were opened or joined, and says how each ended. One alone is shown as any run. */
export async function followStartedRuns(
  control: CommandControl,
  follower: RunFollower,
  started: Started[],
  options: RunOptions,
): Promise<Result> {
  const [only] = started
  if (only !== undefined && started.length === 1) return follower.followStarted(only)
  const opened = started.filter((each): each is Opened => 'run' in each)
  if (opened.length === 0)
    return { data: { runs: [] }, text: 'Nothing to do: everything selected is complete.' }
  if (options.detach === true && control.isHosted)
    return {
      data: { runs: opened },
      text: `Started ${opened.length} runs. sluice runs${control.placeFlag} lists them.`,
    }
  const view = await makeProgressView(options)
  const statuses = new Map<string, RunStatus>(opened.map(({ run }) => [run, 'running']))
  const end = await follower.followAll(view, { runs: [...statuses.keys()] }, (event) => {
    if (event.event === 'run_ended') statuses.set(event.run, event.status)
  })
  const runs = [...statuses].map(([run, status]) => ({ run, status }))
  const isDone = runs.every(({ status }) => status === 'succeeded')
  const rows = runs.map(({ run, status }) => [run, renderStatus(status)])
  const goesOn = control.isHosted
    ? `The deployment goes on with them. sluice runs${control.placeFlag} shows what is open.`
    : 'They are not done; the same command, or sluice dev, goes on with them. sluice runs shows what is open.'
  const open = end === 'ended' ? [] : [goesOn]
  return {
    data: { end, runs },
    text: [renderColumns(['run', 'status'], rows), ...open].join('\n'),
    exitCode: end !== 'ended' ? EXIT.waiting : isDone ? EXIT.done : EXIT.failed,
  }
}
