import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeSystemClock } from '../../src/adapters/system/clock.ts'
import { type FoundTask, numberPlanTasks } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import type { Ports } from '../../src/core/ports/deciding.ts'
import type { Ending, Job } from '../../src/core/ports/working.ts'
import type { Run } from '../../src/core/records/run.ts'
import { isRunOpen } from '../../src/core/records/status.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import type { Context } from '../../src/engine/context.ts'
import { startEngineLoops } from '../../src/engine/loops.ts'
import { joinOrOpenRun } from '../../src/engine/open-run.ts'
import { Worker } from '../../src/engine/work.ts'
import { settings } from '../support/records.ts'
import { foundTask } from '../support/stepwise.ts'
import type { SuiteOptions } from './adapters.ts'

/** Stores, feeds, queues and plans that work together. */
export type Assembled = Pick<Ports, 'store' | 'feed' | 'queue' | 'plans'> & Pick<Context, 'speculative'>

/** Makes a fresh set, which may send the clock's wake signals. */
export type Assemble = (test: TestContext, clock: ReturnType<typeof makeSystemClock>) => Promise<Assembled>

const LIMITS = {
  pools: { default: {} },
  resources: { db: { limit: 2 } },
  budgets: {},
}
const retried = { retry: { attempts: 2, delayMs: 10, backoff: 'fixed' as const } }
const once = { retry: { attempts: 1, delayMs: 10, backoff: 'fixed' as const } }

/** Layers with two upstreams each, one task that fails once and one that always does, a yield, and a scarce resource. */
function graph(): FoundTask[] {
  const layers = [0, 1, 2, 3].map((layer) =>
    [0, 1, 2, 3, 4].map((place) =>
      foundTask(`l${layer}-${place}`, place === 0 ? { ...retried, resources: { db: 1 } } : retried, {
        upstreams: layer === 0 ? [] : [`l${layer - 1}-${place}`, `l${layer - 1}-${(place + 1) % 5}`],
      }),
    ),
  )
  const broken = foundTask('broken', once)
  const blocked = foundTask('blocked', once, { upstreams: ['broken', 'l0-0'] })
  const yielder = foundTask('yielder', once)
  const root = foundTask('root', once, { upstreams: ['l3-0', 'l3-1', 'l3-2', 'l3-3', 'l3-4', 'yielder'] })
  const all = foundTask('all', once, { upstreams: ['root', 'blocked'] })
  return [all, root, blocked, broken, yielder, ...layers.flat()]
}

const FAILED: Ending = { outcome: 'failed', failure: { outcome: 'failed', message: 'made to fail' } }

/** Bodies that only note themselves: what ran, in order, and what was there when it did. */
function bodies() {
  const targets = new Set<string>()
  const ran: string[] = []
  async function run({ task, upstreams, dependencies }: Job): Promise<Ending> {
    ran.push(task.id)
    for (const each of [...upstreams, ...dependencies])
      assert.ok(targets.has(each.id), `${task.id} runs before ${each.id}`)
    await sleep(2)
    const times = ran.filter((id) => id === task.id).length
    if (task.id === 'broken' || (task.id === 'l1-2' && times === 1)) return FAILED
    if (task.id === 'yielder' && dependencies.length === 0)
      return { outcome: 'yielded', yielded: { roots: ['late'], found: [foundTask('late', once)] } }
    targets.add(task.id)
    return { outcome: 'succeeded' }
  }
  return { targets, ran, runner: { run, extendLease() {}, async close() {} } }
}

/** Runs whole pipelines, twice at once, on a set of adapters. */
export function pipelinesSuite(name: string, assemble: Assemble, options: SuiteOptions = {}): void {
  it(
    `${name}: two pipelines that share all tasks run to their ends, each body once`,
    options,
    async (test) => {
      const clock = makeSystemClock()
      const { targets, ran, runner } = bodies()
      let nonces = 0
      const { speculative, ...shared } = await assemble(test, clock)
      const ports: Ports = {
        ...shared,
        clock,
        runner,
        completeness: { areComplete: async (tasks) => tasks.map(({ id }) => targets.has(id)) },
        random: { nonce: () => `n${++nonces}`, number: Math.random },
        isGone: async () => false,
      }
      const context: Context = { ports, ...(speculative && { speculative }), settings: settings(LIMITS) }
      const loops = startEngineLoops(context, new Worker(context, { concurrency: 8 }))
      const runs = await Promise.all(
        ['one', 'two'].map(async (pipeline) => {
          const request = { name: pipeline, family: 'T', params: {}, significant: {} }
          return (
            await joinOrOpenRun(context, request, async () => numberPlanTasks(pipeline, graph(), clock.now()))
          ).run
        }),
      )
      await loops.wait(untilEnded(ports, runs))
      await loops.stop()
      for (const run of runs) {
        const { late = 'done', ...ends } = await statuses(ports, run)
        assert.deepEqual(ends, WANTED, run)
        // A run whose yielder came when its target was there has not yielded.
        assert.equal(late, 'done')
      }
      assert.ok(ran.includes('late'))
      const times = [...Map.groupBy(ran, (id) => id)].map(([id, all]): [string, number] => [id, all.length])
      assert.deepEqual(
        times.filter(([id, count]) => !(TIMES[id] ?? [1]).includes(count)),
        [],
      )
      const left = await ports.store.list({ prefix: keys.limits, consistency: 'strong' })
      assert.deepEqual(
        left.map(({ record }) => Object.keys((record as never as { holders: object }).holders)),
        [[]],
      )
    },
  )
}

/** What fails or yields runs again; a run that did not wait for the other's failure or yield sees for itself. */
const TIMES: { [id: string]: number[] } = { 'l1-2': [2], yielder: [2, 3], broken: [1, 2] }
const ENDS: { [id: string]: string } = {
  broken: 'failed',
  blocked: 'upstream_failed',
  all: 'upstream_failed',
}
const WANTED = Object.fromEntries(graph().map(({ id }) => [id, ENDS[id] ?? 'done']))

async function untilEnded({ store, clock }: Ports, runs: string[]): Promise<void> {
  for (;;) {
    const records = (await store.read(runs.map(keys.run))) as unknown as Run[]
    if (records.every(({ status }) => !isRunOpen(status))) return
    await clock.sleep(20)
  }
}

/** What became of each task; another run may have done it. */
async function statuses({ store }: Ports, run: string): Promise<Record<string, string>> {
  const listed = await store.list({ prefix: keys.taskRuns(run), consistency: 'strong' })
  const tasks = listed.map(({ record }) => record as unknown as TaskRun).filter(({ join }) => !join)
  const isDone = (status: string) => status === 'succeeded' || status === 'complete'
  return Object.fromEntries(
    tasks
      .map(({ taskId, status }): [string, string] => [taskId, isDone(status) ? 'done' : status])
      .sort(([a], [b]) => WANTED_ORDER.indexOf(a) - WANTED_ORDER.indexOf(b)),
  )
}

const WANTED_ORDER = Object.keys(WANTED)
