import { DescribeTasksCommand, type ECSClient, ListTasksCommand, StopTaskCommand } from '@aws-sdk/client-ecs'
import { readErrorMessage, readErrorName } from '../../core/errors.ts'
import type { Launcher } from '../../core/ports/launching.ts'
import type { ProgramDetails } from '../../core/program.ts'
import { readHandover, toJobState } from './job-state.ts'
import { runProgram } from './run-program.ts'
import type { Place } from './workers.ts'

/** Tasks in one call of `DescribeTasks`, and in one page of `ListTasks`. */
const MAX_TASKS = 100

/** Jobs are ECS tasks, whose ARNs are the handles; an order's target is a family of task definitions. */
export function makeEcsLauncher(client: ECSClient, place: Place): Launcher<ProgramDetails> {
  const { cluster } = place

  /** ECS lists stopped tasks apart, for about an hour. */
  async function findIn(desiredStatus: 'RUNNING' | 'STOPPED', startedBy: string) {
    const page = await client.send(new ListTasksCommand({ cluster, startedBy, desiredStatus }))
    return page.taskArns?.[0]
  }

  const find = async ({ token }: { token: string }) =>
    (await findIn('RUNNING', token)) ?? (await findIn('STOPPED', token))

  return {
    async launch(order) {
      const answer = await runProgram(client, place, order)
      if (answer.is !== 'known') return answer
      const handle = answer.handle ?? (await find(order.handover))
      if (handle === undefined) throw new Error(`ECS knows no task of the launch ${order.handover.token}`)
      return { is: 'launched', handle }
    },
    maxLook: MAX_TASKS,
    async look(handles) {
      if (handles.length === 0) return []
      const tasks = await describe(client, cluster, [...handles])
      const byArn = new Map(tasks.map((task) => [task.taskArn, task]))
      return handles.map((handle) => {
        const task = byArn.get(handle)
        return task && toJobState(task)
      })
    },
    find,
    async stop(task, reason) {
      try {
        await client.send(new StopTaskCommand({ cluster, task, reason }))
      } catch (error) {
        if (!isGone(error)) throw error
      }
    },
    async list(nextToken) {
      const page = await client.send(
        new ListTasksCommand({ cluster, maxResults: MAX_TASKS, ...(nextToken && { nextToken }) }),
      )
      const tasks = page.taskArns?.length ? await describe(client, cluster, page.taskArns) : []
      const jobs = tasks.flatMap((task) => {
        const { taskArn: handle, lastStatus } = task
        const handover = readHandover(task)
        if (handle === undefined || lastStatus === 'STOPPED') return []
        return [{ handle, ...(handover === undefined ? {} : { handover }) }]
      })
      return { jobs, ...(page.nextToken === undefined ? {} : { cursor: page.nextToken }) }
    },
  }
}

async function describe(client: ECSClient, cluster: string, arns: string[]) {
  try {
    const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: arns }))
    return tasks
  } catch (error) {
    // Nothing runs in a cluster that is gone.
    if (isGone(error)) return []
    throw error
  }
}

/** Of a task that has stopped long ago, ECS says that a parameter is wrong. */
const isGone = (error: unknown): boolean =>
  readErrorName(error) === 'ClusterNotFoundException' ||
  (readErrorName(error) === 'InvalidParameterException' && /task.*not found/i.test(readErrorMessage(error)))
