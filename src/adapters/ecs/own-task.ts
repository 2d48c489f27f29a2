import { setTimeout as sleep } from 'node:timers/promises'
import { DescribeTasksCommand, type ECSClient, StopTaskCommand } from '@aws-sdk/client-ecs'
import { z } from 'zod'

/*
 * The ECS task in which this process runs, as its metadata endpoint shows it
 * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html). The endpoint tells neither why
 * a container did not start nor that its memory ran out; for these ends alone ECS itself is asked.
 */

const TASK = z.object({
  Cluster: z.string(),
  TaskARN: z.string(),
  DesiredStatus: z.string().optional(),
  PullStartedAt: z.iso.datetime({ offset: true }).optional(),
  PullStoppedAt: z.iso.datetime({ offset: true }).optional(),
  Containers: z
    .array(
      z.object({
        Name: z.string(),
        KnownStatus: z.string().optional(),
        ExitCode: z.int().optional(),
        ImageID: z.string().optional(),
      }),
    )
    .optional(),
})

type Task = z.output<typeof TASK>

/** How a container of the task has ended. */
export interface ContainerOfTaskEnd {
  /** Undefined if it never started. */
  code: number | undefined
  isOutOfMemory: boolean
  /** Why it did not start. */
  error: string
  digest?: string
  /** The whole task was being stopped by then. */
  isTaskStopping: boolean
}

/** The endpoint is on the same host, and a program may end soon after its start. */
const LOOK_MS = 500
/** So often ECS is asked for a reason, which it knows a little later than the endpoint knows the end. */
const TRIES = 5
const RETRY_MS = 2_000
const SIGKILLED = 137
const STOPPED = 'STOPPED'

/** The ECS task of this process. */
export class OwnTask {
  readonly arn: string
  /** When the pull of its images began, and ended, as far as the endpoint tells. */
  readonly times: { pullingAt?: number; startingAt?: number }
  readonly #client: ECSClient
  readonly #cluster: string
  readonly #endpoint: string

  /** `endpoint` is what ECS says in `ECS_CONTAINER_METADATA_URI_V4`. */
  static async find(client: ECSClient, endpoint: string): Promise<OwnTask> {
    return new OwnTask(client, endpoint, await readTask(endpoint))
  }

  private constructor(
    client: ECSClient,
    endpoint: string,
    { TaskARN, Cluster, PullStartedAt, PullStoppedAt }: Task,
  ) {
    this.#client = client
    this.#endpoint = endpoint
    this.#cluster = Cluster
    this.arn = TaskARN
    this.times = {
      ...(PullStartedAt === undefined ? {} : { pullingAt: Date.parse(PullStartedAt) }),
      ...(PullStoppedAt === undefined ? {} : { startingAt: Date.parse(PullStoppedAt) }),
    }
  }

  /** Resolves when a container of the task has ended, or could not be started. */
  async waitForEnd(name: string): Promise<ContainerOfTaskEnd> {
    for (;;) {
      // An endpoint that does not answer now is asked again: the lease ends all of this.
      const task = await readTask(this.#endpoint).catch(() => undefined)
      const container = task?.Containers?.find(({ Name }) => Name === name)
      if (container?.KnownStatus === STOPPED) {
        const { ExitCode: code, ImageID: digest } = container
        const reason = code === undefined || code === SIGKILLED ? await this.#findReason(name) : ''
        return {
          code,
          isOutOfMemory: reason.startsWith('OutOfMemory'),
          error: reason,
          isTaskStopping: task?.DesiredStatus === STOPPED,
          ...(digest === undefined || digest === '' ? {} : { digest }),
        }
      }
      await sleep(LOOK_MS)
    }
  }

  /** Stops the task with all its containers: those that depend on others first. */
  async stop(reason: string): Promise<void> {
    await this.#client.send(new StopTaskCommand({ cluster: this.#cluster, task: this.arn, reason }))
  }

  /** What ECS says of the end of a container; empty if it says nothing. */
  async #findReason(name: string): Promise<string> {
    const query = new DescribeTasksCommand({ cluster: this.#cluster, tasks: [this.arn] })
    for (let tries = 0; tries < TRIES; tries++) {
      const { tasks = [] } = await this.#client.send(query)
      const container = tasks[0]?.containers?.find((each) => each.name === name)
      if (container?.reason !== undefined) return container.reason
      if (container?.lastStatus === STOPPED && container.exitCode !== undefined) return ''
      await sleep(RETRY_MS)
    }
    return ''
  }
}

async function readTask(endpoint: string): Promise<Task> {
  const answer = await fetch(`${endpoint}/task`)
  if (!answer.ok) throw new Error(`the metadata endpoint of the task answers with ${answer.status}`)
  return TASK.parse(await answer.json())
}
