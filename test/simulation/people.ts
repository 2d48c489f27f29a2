import { pruneRunsBefore } from '../../src/control/prune.ts'
import type { Stored } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import type { Run } from '../../src/core/records/run.ts'
import { isRunOpen } from '../../src/core/records/status.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { applyConfiguredLimits } from '../../src/engine/apply-limits.ts'
import { cancelRun, mustCancelBeforeRetry } from '../../src/engine/cancel.ts'
import { cancelTasks } from '../../src/engine/cancel-tasks.ts'
import type { Context } from '../../src/engine/context.ts'
import { canMarkSucceeded, markTasksSucceeded } from '../../src/engine/mark.ts'
import type { Features } from './features.ts'
import { randomPolicy, type SimTask } from './project.ts'
import { PERSON } from './watch.ts'
import type { World } from './world.ts'

/** What people act on. */
export interface Surroundings {
  world: World
  /** The tasks that the project defines. */
  tasks: readonly SimTask[]
  /** A context of a host of its own, as a command has one. */
  contextOf(host: string): Context
  /** Asks for a run again, as the command that opened it did. */
  askAgain(context: Context, run: Run): Promise<string | undefined>
}

type Act = (around: Surroundings, host: string) => Promise<unknown>

/** How many steps people take part in, and how often they act. */
const STEPS = 2_000
const SHARE = 0.006

/** Acts as people do, at random moments: cancels, marks, asks again, prunes, changes limits. */
export function people(
  around: Surroundings,
  { hasRetries, changesDefinitions }: Features,
): (steps: number) => void {
  const { world } = around
  const { random } = world.scheduler
  const acts = [...ACTS, ...(hasRetries ? Array<Act>(6).fill(retrySome) : [])]
  if (changesDefinitions) acts.push(...Array<Act>(4).fill(removeFamily), restoreFamilies, changeNeeds)
  let count = 0
  return (steps) => {
    if (steps === STEPS) world.definitions.restore()
    if (steps > STEPS || random() > SHARE) return
    const act = acts[Math.floor(random() * acts.length)] as Act
    act(around, `${PERSON}${count++}`).catch((error: Error) => world.violate(`a person: ${error.stack}`))
  }
}

/** Marks twice as often as the rest: it meets a race more rarely. */
const ACTS: Act[] = [cancelSome, cancelSomeTasks, markSome, markSome, askForSome, pruneOld, changeLimits]

function pick<T>(world: World, all: readonly T[]): T | undefined {
  return all[Math.floor(world.scheduler.random() * all.length)]
}

const runsOf = (world: World, open: boolean) =>
  world.runs().filter(({ status }) => isRunOpen(status) === open)

async function cancelSome({ world, contextOf }: Surroundings, host: string): Promise<void> {
  const run = pick(world, runsOf(world, true))
  // A run that nobody wants to see ended is seen to its end.
  if (run !== undefined && world.scheduler.random() < 0.4)
    await cancelRun(contextOf(host), run as Stored<Run>)
}

async function markSome({ world, contextOf }: Surroundings, host: string): Promise<void> {
  const tasks = [...world.records.values()].filter(
    (record) => record.kind === 'taskRun' && canMarkSucceeded(record) && !record.join,
  )
  const task = pick(world, tasks) as TaskRun | undefined
  if (task !== undefined) await markTasksSucceeded(contextOf(host), task.run, [task.number])
}

/** Cancels a few tasks of a run that goes on, whatever they are doing. */
async function cancelSomeTasks({ world, contextOf }: Surroundings, host: string): Promise<void> {
  const run = pick(
    world,
    runsOf(world, true).filter(({ status }) => status === 'running'),
  )
  if (run === undefined || world.scheduler.random() < 0.5) return
  const tasks = [...world.records.values()].filter(
    (record) => record.kind === 'taskRun' && record.run === run.id && !record.join,
  ) as TaskRun[]
  const numbers = tasks.filter(() => world.scheduler.random() < 0.3).map(({ number }) => number)
  await cancelTasks(contextOf(host), run.id, numbers)
}

async function askForSome({ world, contextOf, askAgain }: Surroundings, host: string): Promise<void> {
  const run = pick(
    world,
    runsOf(world, false).filter(({ status }) => status !== 'succeeded'),
  )
  if (run !== undefined) await askAgain(contextOf(host), run)
}

/** Tries a run again in which something has failed, though it is open. */
async function retrySome({ world, contextOf, askAgain }: Surroundings, host: string): Promise<void> {
  const run = pick(
    world,
    runsOf(world, true).filter(({ id }) => failuresIn(world, id) > 0),
  )
  if (run === undefined) return
  const context = contextOf(host)
  const { store, clock } = context.ports
  if (mustCancelBeforeRetry(run, failuresIn(world, run.id))) await cancelRun(context, run as Stored<Run>)
  // The next run is opened once the bodies of this one have stopped.
  const isStopping = (record: Stored | undefined) =>
    record?.kind === 'run' && isRunOpen(record.status) && record.cancelledAt !== undefined
  while (isStopping((await store.read([keys.run(run.id)]))[0])) await clock.sleep(STOPPING_MS)
  const next = await askAgain(context, run)
  if (next === run.id) world.violate(`a retry joins ${run.id}, in which something has failed for good`)
}

const failuresIn = (world: World, run: string): number =>
  [...world.records.values()].filter(
    (record) => record.kind === 'taskRun' && record.run === run && record.status === 'failed',
  ).length

/** How often a person looks whether a run has stopped. */
const STOPPING_MS = 5_000

/** Forgets all runs that have ended, also while a host that is frozen holds records of them. */
async function pruneOld({ world, contextOf }: Surroundings, host: string): Promise<void> {
  const context = contextOf(host)
  const logs = { remove: async () => {} }
  world.hasPruned = true
  await pruneRunsBefore({ context, logs } as never, context.ports.clock.now())
}

/** A family leaves the project; hosts come to know it one by one. */
async function removeFamily({ world, tasks }: Surroundings): Promise<void> {
  const task = pick(world, tasks)
  if (task !== undefined) world.definitions.remove(task.id)
}

async function restoreFamilies({ world }: Surroundings): Promise<void> {
  world.definitions.restore()
}

/** A task needs other limits from now on; runs that are open go on as they were planned. */
async function changeNeeds({ world, tasks }: Surroundings): Promise<void> {
  const task = pick(
    world,
    tasks.filter(({ policy }) => policy.external === undefined),
  )
  if (task !== undefined) task.policy = randomPolicy(world.scheduler.random)
}

/** The config is deployed with other limits; every task still fits. */
async function changeLimits({ world, contextOf }: Surroundings, host: string): Promise<void> {
  const { random } = world.scheduler
  const other = (least: number) => least + Math.floor(random() * 3)
  world.deploy({
    pools: { default: {}, small: { concurrency: other(1) } },
    resources: { db: { limit: other(2) }, api: { limit: other(1) } },
    budgets: { calls: { limit: other(5), per: 'minute', timeZone: 'UTC' } },
  })
  await applyConfiguredLimits(contextOf(host))
}
