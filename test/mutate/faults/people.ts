import type { Fault } from '../fault.ts'

const SIMULATION = { seeds: 600 }
const SCHEDULED = { seeds: 1_500, of: 'hasSchedules' } as const
const BACKFILLS = { seeds: 1_500, of: 'hasBackfills' } as const
const DEFINITIONS = { seeds: 1_500, of: 'changesDefinitions' } as const
const SCHEDULES = { test: 'test/engine/schedules.test.ts' }

/** What people do at the worst moment: cancel, mark, prune, pause. And schedules. */
export const PEOPLE: Fault[] = [
  {
    name: 'a task that was claimed meanwhile is marked',
    file: 'src/engine/mark.ts',
    find: `, set, if: { version } }`,
    replace: `, set }`,
    by: { test: 'test/engine/mark.test.ts' },
  },
  {
    name: 'a task that was claimed meanwhile is cancelled in its record',
    file: 'src/engine/cancel.ts',
    find: `      if: { version: task.version },
    })),`,
    replace: `    })),`,
    by: { test: 'test/engine/release.test.ts' },
  },
  {
    name: 'a running task is cancelled in its record',
    file: 'src/engine/cancel.ts',
    find: `left.filter((task) => task.status !== 'running')`,
    replace: `left.filter((task) => task.status !== 'complete')`,
    by: SIMULATION,
  },
  {
    name: 'a run ends as cancelled while bodies run',
    file: 'src/engine/cancel.ts',
    find: `return left.length - results.filter((result) => result.ok).length`,
    replace: `return still.length - results.filter((result) => result.ok).length`,
    by: { test: 'test/engine/work.test.ts' },
  },
  {
    name: 'only the first page of a cancelled run is swept',
    file: 'src/engine/cancel.ts',
    find: `to < tasks`,
    replace: `to < 0`,
    by: SIMULATION,
  },
  {
    name: 'what still runs on earlier pages of a sweep is forgotten',
    file: 'src/engine/cancel.ts',
    find: `(swept === 0 ? 0 : (run.leftRunning ?? 0))`,
    replace: `0`,
    by: SIMULATION,
  },
  {
    name: 'a cancelled run is swept before all of it is there',
    file: 'src/engine/cancel.ts',
    find: `if (await releaseNextTasks(context, run)) return`,
    replace: `await releaseNextTasks(context, { ...run, released: 1e9 })`,
    by: { test: 'test/engine/release.test.ts' },
  },
  {
    name: 'ready tasks of a cancelled run are released to run',
    file: 'src/engine/release.ts',
    find: `run.cancelledAt === undefined ? decideFirstMove(task, now)`,
    replace: `run.id !== '' ? decideFirstMove(task, now)`,
    by: { test: 'test/engine/release.test.ts' },
  },
  {
    name: 'what was yielded stays pending in a cancelled run',
    file: 'src/engine/expand.ts',
    find: `if (isOver) return [`,
    replace: `if (isOver) return []
    if (isOver) return [`,
    by: { test: 'test/engine/yield.test.ts' },
  },
  {
    name: 'a run that is being cancelled ends by its root',
    file: 'src/core/settle.ts',
    find: `run.status !== 'running' || run.cancelledAt !== undefined ||`,
    replace: `run.status !== 'running' ||`,
    by: { test: 'test/core/rules.test.ts' },
  },
  {
    name: 'attempts of a run that is being cancelled are claimed',
    file: 'src/core/claim.ts',
    find: `if (run.cancelledAt !== undefined) hindrances`,
    replace: `if (run.cancelledAt === 0) hindrances`,
    by: { test: 'test/engine/claim.test.ts' },
  },
  {
    name: 'a run that ended is cancelled',
    file: 'src/engine/cancel.ts',
    find: `set, if: { status: run.status } }])`,
    replace: `set }])`,
    by: { test: 'test/engine/release.test.ts' },
  },
  {
    name: 'a cancelled task keeps its back-off for others',
    file: 'src/engine/locks.ts',
    find: `if (task.status !== 'cancelled' || backoffUntil === undefined`,
    replace: `if (task.status === 'cancelled' || backoffUntil === undefined`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'a cancelled interval is opened again',
    file: 'src/core/schedule.ts',
    find: `if (status !== 'failed') return []`,
    replace: `if (status === 'succeeded') return []`,
    by: SCHEDULED,
  },
  {
    name: 'a pruned run of an interval counts as open',
    file: 'src/engine/schedules.ts',
    find: `?? 'cancelled'`,
    replace: `?? 'running'`,
    by: SCHEDULES,
  },
  {
    name: 'a paused schedule starts runs',
    file: 'src/core/schedule.ts',
    find: `  if (record.paused) return []`,
    replace: `  if (record.cursor < 0) return []`,
    by: SCHEDULED,
  },
  {
    name: 'a schedule starts more runs at once than it may',
    file: 'src/core/schedule.ts',
    find: `.slice(0, Math.max(0, maxActiveRuns - active))`,
    replace: `.slice(0, Math.max(0, maxActiveRuns))`,
    by: SCHEDULED,
  },
  {
    name: 'an interval is skipped',
    file: 'src/core/schedule.ts',
    find: `return { ...record, cursor: missing.at(-1)?.end ?? record.cursor, open }`,
    replace: `return { ...record, cursor: missing.length > 0 ? now : record.cursor, open: open.slice(-3) }`,
    by: SCHEDULED,
  },
  {
    name: 'an interval whose run has ended before it was noted is started again',
    file: 'src/engine/open-run.ts',
    find: `if (notNoted !== undefined) return { run: notNoted, opened: false }
    refuseOther(open, request)
    if (open?.status === 'running')`,
    replace: `refuseOther(open, request)
    if (open?.status === 'running')`,
    by: SCHEDULED,
  },
  {
    name: 'two processes overwrite a schedule',
    file: 'src/engine/schedules.ts',
    find: `if: version === 0 ? 'absent' : { version } },`,
    replace: `},`,
    by: SCHEDULED,
  },
  {
    name: 'a retry joins the open run in which something has failed',
    file: 'src/engine/cancel.ts',
    find: `isRunOpen(status) && failedTasks > 0`,
    replace: `isRunOpen(status) && failedTasks < 0`,
    by: SIMULATION,
  },
  {
    name: 'an interval that only waits for a target holds a place of its backfill',
    file: 'src/control/awaiting.ts',
    find: `maxActive + all.filter((run) => awaiting.has(run)).length)`,
    replace: `maxActive + all.filter((run) => run === '').length)`,
    by: BACKFILLS,
  },
  {
    name: 'a backfill has one run more at once than it may',
    file: 'src/control/take-runs.ts',
    find: `active.size < places`,
    replace: `active.size <= places`,
    by: BACKFILLS,
  },
  {
    name: 'what waits for its turn holds no place of its backfill',
    file: 'src/control/awaiting.ts',
    find: `if (moving.some(({ waitsFor }) => waitsFor !== 'target')) return false`,
    replace: ``,
    by: BACKFILLS,
  },
  {
    name: 'a failed interval is opened again at once',
    file: 'src/core/schedule.ts',
    find: `{ retryAt: steady + delay }`,
    replace: `{ retryAt: steady }`,
    by: SCHEDULED,
  },
  {
    name: 'a worker runs what it does not define',
    file: 'src/engine/claim-snapshot.ts',
    find: `[planned, ...upstreams].find((task) => !isDefined(context, task))?.family`,
    replace: `upstreams.find((task) => !isDefined(context, task))?.family`,
    by: DEFINITIONS,
  },
  {
    name: 'a message that a worker cannot run is dropped',
    file: 'src/engine/work.ts',
    find: `await this.#context.ports.queue.putBack(delivery, delayMs)`,
    replace: `await this.#context.ports.queue.acknowledge([delivery])`,
    by: DEFINITIONS,
  },
  {
    name: 'what a worker could not run stays so when definitions are read anew',
    file: 'src/engine/unfit.ts',
    find: `    this.#known.clear()
    this.#times.clear()`,
    replace: `    this.#times.clear()`,
    by: { test: 'test/engine/unfit.test.ts' },
  },
  {
    name: 'a task that was cancelled alone holds its run up',
    file: 'src/engine/advance.ts',
    find: `(status !== 'cancelled' || cancelledAt !== undefined)`,
    replace: `status !== 'cancelled'`,
    by: { test: 'test/engine/cancel-tasks.test.ts' },
  },
  {
    name: 'a task that was cancelled alone is tried again',
    file: 'src/engine/cancel-tasks.ts',
    find: `if (idle.length > 0) await writeCancellations(ports, idle, { now: ports.clock.now() })`,
    replace: `if (idle.length > 1) await writeCancellations(ports, idle, { now: ports.clock.now() })`,
    by: { test: 'test/engine/cancel-tasks.test.ts' },
  },
  {
    name: 'the last one to cancel a task is named, and not the first one',
    file: 'src/engine/cancel-tasks.ts',
    find: `const { cancelledAt = now, cancelledBy = by } = task.cancelledAt === undefined ? {} : task`,
    replace: `const { cancelledAt = now, cancelledBy = by } = {} as Partial<TaskRun>`,
    by: { test: 'test/control/actors.test.ts' },
  },
]
