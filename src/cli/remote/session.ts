import { spawn, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { DescribeTasksCommand, type ECSClient, ExecuteCommandCommand, type Task } from '@aws-sdk/client-ecs'
import { SluiceError } from '../../core/errors.ts'
import { EVENTS } from '../../core/names.ts'
import { type Deployment, explainAwsError } from '../../homes/remote/deployment.ts'
import { tellStop } from '../../homes/remote/shell-words.ts'

/*
 * A session on this terminal in a container of an ECS task. ECS opens it in the name of the user, and AWS's own plugin carries it: the
 * command of AWS does the same.
 */

/** A container that lets people in: ECS gives it a runtime of its own once it has started. */
export interface Enterable {
  task: string
  container: string
  runtime: string
}

const PLUGIN = 'session-manager-plugin'
/** The first version that reads the session from a variable; in its arguments all users of the machine would see the token. */
const OLDEST_PLUGIN = [1, 2, 497, 0]
const SESSION_VARIABLE = 'AWS_SSM_START_SESSION_RESPONSE'

/** `bash`, else `sh`, in the folder in which the image starts its program. The agent splits this as a shell does. */
export const BEST_SHELL =
  "sh -c 'cd -P /proc/1/cwd 2>/dev/null; if command -v bash >/dev/null; then exec bash; else exec sh; fi'"

const LOOK_MS = 2_000
const MOST_LOOKS = 150

/** Throws what is missing on this machine for a session, before anything is started elsewhere. */
export function requireSession(): void {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new SluiceError(
      'invalid_usage',
      'A shell in a deployment needs a terminal: its session takes no commands from a pipe.',
      {
        hint: 'Give the command on a terminal. Without --env a shell on this machine takes commands from standard input.',
      },
    )
  const { error, stdout } = spawnSync(PLUGIN, ['--version'], { encoding: 'utf8' })
  const hint =
    'Install it: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html'
  if (error !== undefined)
    throw new SluiceError(
      'invalid_usage',
      `A shell in a deployment needs ${PLUGIN} of AWS: ${error.message}.`,
      { hint },
    )
  const version = stdout.trim()
  if (isOlder(version.split('.').map(Number), OLDEST_PLUGIN))
    throw new SluiceError(
      'invalid_usage',
      `${PLUGIN} ${version} is too old: it takes ${OLDEST_PLUGIN.join('.')} or newer.`,
      { hint },
    )
}

/** Numbers that cannot be read count as old. */
function isOlder(version: number[], than: number[]): boolean {
  for (const [index, least] of than.entries()) {
    const part = version[index] ?? Number.NaN
    if (part !== least) return !(part > least)
  }
  return false
}

/** Waits until a container of an ECS task lets people in. Throws why it does not; `explain` may know better for one that has stopped. */
export async function untilEnterable(
  client: ECSClient,
  { outputs }: Deployment,
  { task, container: name }: Omit<Enterable, 'runtime'>,
  explain: (stopped: Task) => SluiceError | undefined = () => undefined,
): Promise<Enterable & { digest: string | undefined }> {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const query = new DescribeTasksCommand({ cluster: outputs.Cluster, tasks: [task] })
    const { tasks: [seen] = [] } = await asUser(client.send(query))
    if (seen?.lastStatus === EVENTS.container.status || seen?.desiredStatus === EVENTS.container.status)
      throw (
        explain(seen) ??
        new SluiceError('deployment_unreachable', `The container ${task} stopped: ${tellStop(seen)}.`)
      )
    const container = seen?.containers?.find((each) => each.name === name)
    const isReady = container?.managedAgents?.some(({ lastStatus }) => lastStatus === 'RUNNING')
    if (isReady && container?.runtimeId !== undefined)
      return { task, container: name, runtime: container.runtimeId, digest: container.imageDigest }
    await sleep(LOOK_MS)
  }
  throw new SluiceError(
    'deployment_unreachable',
    `The container ${task} accepts no session after five minutes.`,
  )
}

/** Has ECS open a session in the user's name, and gives it this terminal until it ends; returns whether it ended well. */
export async function runSession(
  client: ECSClient,
  { outputs: { Cluster: cluster = '' }, environment: { region } }: Deployment,
  { task, container, runtime }: Enterable,
  command: string,
): Promise<boolean> {
  const asked = new ExecuteCommandCommand({ cluster, task, container, command, interactive: true })
  const { session } = await asUser(client.send(asked))
  const host = new URL(session?.streamUrl ?? 'wss://unknown').host
  const args = [
    SESSION_VARIABLE,
    region,
    'StartSession',
    process.env.AWS_PROFILE ?? '',
    JSON.stringify({ Target: `ecs:${cluster}_${task}_${runtime}` }),
    // Where it resumes a session that was cut: Systems Manager of the same region and partition.
    `https://${host.replace(/^ssmmessages\./, 'ssm.')}`,
  ]
  const child = spawn(PLUGIN, args, {
    stdio: 'inherit',
    env: { ...process.env, [SESSION_VARIABLE]: JSON.stringify(session) },
  })
  // The plugin sends these keys on.
  for (const signal of KEYS) process.on(signal, ignore)
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => resolve(code === 0))
    })
  } finally {
    for (const signal of KEYS) process.off(signal, ignore)
  }
}

/** Ctrl-C, Ctrl-\\ and Ctrl-Z, which a terminal sends to all who share it. */
const KEYS = ['SIGINT', 'SIGQUIT', 'SIGTSTP'] as const
const ignore = () => {}

/** What the user's own credentials do not allow is explained. */
const asUser = <T>(asked: Promise<T>): Promise<T> =>
  asked.catch((error) => {
    throw explainAwsError(error)
  })
