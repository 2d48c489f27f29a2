import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DescribeTasksCommand, paginateListTasks } from '@aws-sdk/client-ecs'
import { readHandover } from '../../src/adapters/ecs/job-state.ts'
import {
  COMMAND_EVERY_MS,
  clients,
  sluice as command,
  type Ended,
  engine,
  resourceOf,
  until,
  whileTicking,
} from './deployed.ts'

/** The stack of programs in images that nobody has changed, beside the test stack. */
export const STACK = 'sluice-programs'
const CONFIG = ['--config', 'programs.config.ts', '--env', 'programs']

/** Is there while the stack is as this run of the tests has deployed it: files are children of one process. */
const DEPLOYED = join(process.env.AWS_TEST_RUN ?? '', `programs-deployed-${process.ppid}`)

/** Deploys the stack, unless an earlier file of this run of the tests has; or another build of its code. */
export async function deployPrograms(build?: string): Promise<void> {
  if (build === undefined && existsSync(DEPLOYED)) return
  rmSync(DEPLOYED, { force: true })
  const args = ['deploy', ...(build === undefined ? [] : ['--code']), '--architecture', 'x86_64', '--yes']
  const deployed = await sluice(args, build === undefined ? {} : { build })
  assert.equal(deployed.code, 0, deployed.stderr)
  if (build === undefined) writeFileSync(DEPLOYED, '')
}

/** Runs the command for the stack. */
export const sluice = (args: string[], options?: Parameters<typeof command>[1]): Promise<Ended> =>
  command([...args, ...CONFIG], options)

/** The same with `--json`: the last line, parsed. */
// biome-ignore lint/suspicious/noExplicitAny: data of the command, whatever it is
export async function json(...args: string[]): Promise<any> {
  const { stdout, stderr } = await sluice([...args, '--json'])
  const last = stdout.trim().split('\n').at(-1)
  if (!last) throw new Error(`no data: ${stderr}`)
  return JSON.parse(last)
}

/** A run to its end. */
export const run = (...args: string[]) => whileTicking(json('run', ...args), STACK)
/** A run of the pipeline `script`. */
export const runScript = (of: string, script: string) => run('script', '--of', of, '--script', script)

/** A run of the pipeline `script` whose program runs now. */
export async function startScript(of: string, script: string): Promise<string> {
  const before = new Set(listContainers('program'))
  const told = await json('run', 'script', '--of', of, '--script', script, '--detach')
  await until(60, 'the program', async () => listContainers('program').find((each) => !before.has(each)))
  return told.run
}

/** A run as it has ended. */
export const whenOver = (id: string) =>
  whileTicking(
    until(
      120,
      `the end of ${id}`,
      async () => {
        const told = await json('status', id)
        return told.status === 'running' || told.status === 'planning' ? undefined : told
      },
      COMMAND_EVERY_MS,
    ),
    STACK,
  )

/** The first task of a family in a run. */
// biome-ignore lint/suspicious/noExplicitAny: data of the command, whatever it is
export async function taskOf(id: string, family: string): Promise<any> {
  const { tasks } = await json('status', id)
  return tasks.find(({ task }: { task: string }) => task.startsWith(family))
}

/** Containers of ECS tasks that run here. */
export function listContainers(name: 'keeper' | 'program'): string[] {
  const shown = execFileSync(engine, ['ps', '--format', '{{.ID}} {{.Names}}']).toString().trim()
  return shown
    .split('\n')
    .filter((line) => line.includes('ministack-ecs') && line.endsWith(`-${name}`))
    .map((line) => line.split(' ')[0] ?? '')
}

/** Kills containers as a machine that breaks does. */
export function killContainers(name: 'keeper' | 'program'): void {
  for (const container of listContainers(name)) execFileSync(engine, ['kill', '--signal', 'KILL', container])
}

/** The cluster of the stack. */
export const findCluster = () => resourceOf(STACK, 'SluiceContainersCluster', 'AWS::ECS::Cluster')

/** How many ECS tasks were started for a run. */
export async function countStarted(id: string): Promise<number> {
  const cluster = await findCluster()
  const { ecs } = clients
  let count = 0
  for (const desiredStatus of ['RUNNING', 'STOPPED'] as const) {
    const pages = paginateListTasks({ client: ecs }, { cluster, desiredStatus })
    for await (const { taskArns = [] } of pages) {
      if (taskArns.length === 0) continue
      const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))
      count += tasks.filter((task) => readHandover(task)?.run === id).length
    }
  }
  return count
}
