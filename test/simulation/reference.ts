import { keys } from '../../src/core/keys.ts'
import type { StoredRecord } from '../../src/core/records/stored-record.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { MAX_FREE_ATTEMPTS } from '../../src/core/retry.ts'
import { ATTEMPTS, type Script, type SimTask } from './project.ts'
import { wasPlanned } from './records.ts'
import type { World } from './world.ts'

/** The end has to be that of a naive sequential run. */
export function compareWithReference(
  world: World,
  tasks: SimTask[],
  scripts: Map<string, Script>,
  isCalm: boolean,
): void {
  world.checkRest()
  for (const run of world
    .runs()
    .filter(wasPlanned)
    .filter((each) => !ranOutOfTries(world, each.id) && !isChangedInPart(world, each.id))
    .filter((each) => !hasAdoptedBesideMarks(world, each.id))) {
    const by = { marked: markedIn(world, run.id), cancelled: cancelledIn(world, run.id) }
    const wanted = statusesOfReference(tasks, scripts, by)
    for (const [id, status] of taskStatuses(world, run.id)) {
      const got = status === 'complete' ? 'succeeded' : status
      if (run.cancelledAt === undefined && got !== wanted.get(id))
        world.violations.push(`${run.id} ${id} is ${status}, not ${wanted.get(id)}`)
    }
  }
  // Both runs may come to know what the body yields before one of them goes on.
  const attempts = (id: string) => ((scripts.get(id)?.yields.length ?? 0) > 0 ? 3 : 1)
  const { begun } = world.bodies
  const counted = Map.groupBy(begun, (id) => id)
  if (isCalm && [...counted].some(([id, runs]) => runs.length > attempts(id)))
    world.violations.push(`without faults a body ran twice: ${begun.join(' ')}`)
}

/** Final status of each task of each run, by run and id. */
export function statusesIn(world: World): Record<string, string> {
  return Object.fromEntries(
    world
      .runs()
      .flatMap((run) => taskStatuses(world, run.id).map(([id, status]) => [`${run.id} ${id}`, status])),
  )
}

/** Whether a task of a run was lost 20 times, by nothing but bad luck: then it fails, as it should. */
function ranOutOfTries(world: World, run: string): boolean {
  return [...world.records.values()].some(
    (record) =>
      record.kind === 'taskRun' && record.run === run && (record.counts?.lost ?? 0) >= MAX_FREE_ATTEMPTS,
  )
}

/** Whether a person has marked or cancelled a task that stands in the run once more, because another has yielded it. */
function isChangedInPart(world: World, run: string): boolean {
  const tasks = [...world.records].filter(([, each]) => each.kind === 'taskRun' && each.run === run)
  const ids = new Map(tasks.map(([key, each]) => [key, (each as TaskRun).taskId]))
  return tasks.some(
    ([key, each]) =>
      (world.watch.marked.has(key) || (each as TaskRun).cancelledAt !== undefined) &&
      tasks.filter(([other]) => ids.get(other) === ids.get(key)).length > 1,
  )
}

/** Whether a task of the run shares the failure of another run, in which a person may have marked what it needs. */
function hasAdoptedBesideMarks(world: World, run: string): boolean {
  if (world.watch.marked.size === 0) return false
  return [...world.records.values()].some(
    (each) => each.kind === 'taskRun' && each.run === run && each.failure?.outcome === 'adopted',
  )
}

/** Ids of tasks of a run that a person has counted as succeeded, or that are complete because of it. */
function markedIn(world: World, run: string): Set<string> {
  const { marked, believed } = world.watch
  const isMarked = ([key, record]: [string, StoredRecord]) =>
    record.kind === 'taskRun' &&
    record.run === run &&
    (marked.has(key) || (record.status === 'complete' && believed.size > 0))
  const found = [...world.records].filter(isMarked)
  return new Set(found.map(([, record]) => (record as TaskRun).taskId))
}

/** Ids of tasks of a run that ended because a person had cancelled them. */
function cancelledIn(world: World, run: string): Set<string> {
  const prefix = keys.taskRuns(run)
  return new Set([...world.watch.cancelled].flatMap(([key, id]) => (key.startsWith(prefix) ? [id] : [])))
}

/** Each task once, in order. */
function statusesOfReference(
  tasks: SimTask[],
  scripts: Map<string, Script>,
  { marked, cancelled }: { marked: Set<string>; cancelled: Set<string> },
): Map<string, string> {
  const statuses = new Map<string, string>()
  for (const { id, upstreams } of tasks) {
    const fails = (each: string) => !marked.has(each) && (scripts.get(each)?.failures ?? 0) >= ATTEMPTS
    const yields = scripts.get(id)?.yields ?? []
    const own = (each: string) => (cancelled.has(each) ? 'cancelled' : fails(each) ? 'failed' : 'succeeded')
    for (const each of yields) statuses.set(each.id, own(each.id))
    const isBlocked = [...upstreams, ...yields].some((each) => statuses.get(each.id) !== 'succeeded')
    const mayRun = !isBlocked || marked.has(id) || cancelled.has(id)
    statuses.set(id, mayRun ? own(id) : 'upstream_failed')
  }
  return statuses
}

function taskStatuses(world: World, run: string): [string, string][] {
  const statuses: [string, string][] = []
  const prefix = keys.taskRuns(run)
  for (const [key, record] of world.records)
    if (record.kind === 'taskRun' && key.startsWith(prefix) && !record.join)
      statuses.push([record.taskId, record.status])
  return statuses
}
