import type { Span } from '../../src/core/calendar.ts'
import type { Policy } from '../../src/core/plan.ts'
import { EXTERNAL, PLAIN, randomScript, type SimRequest, type SimTask } from './project.ts'
import type { World } from './world.ts'

const MINUTE_MS = 60_000
/** The targets that intervals of a backfill wait for appear so long after they were asked for. */
const APPEARS_MS = 240_000

/** Hosts may be held up while its target is there already. */
const LATE: Policy = { ...EXTERNAL, timeoutMs: 24 * 60 * MINUTE_MS }

/** The tasks of intervals of scheduled pipelines: a root for each, and what it needs. */
export class Intervals {
  readonly #world: World
  readonly #known = new Map<string, SimTask[]>()

  constructor(world: World) {
    this.#world = world
  }

  /** What is asked for to make an interval complete; `isLate`: it waits for a target that another system makes. */
  requestFor(name: string, { start, end }: Span, isLate = false): SimRequest {
    const id = `${name}@${start / MINUTE_MS}+${(end - start) / MINUTE_MS}`
    const tasks = this.#known.get(id) ?? this.#make(id, isLate)
    this.#known.set(id, tasks)
    return { name, root: tasks.at(-1) as SimTask, interval: { start, end } }
  }

  /** All tasks of all intervals, upstreams first. */
  get tasks(): SimTask[] {
    return [...this.#known.values()].flat()
  }

  #make(id: string, isLate: boolean): SimTask[] {
    const { scheduler, scripts, begunAt } = this.#world
    const { random } = scheduler
    const upstream: SimTask = { id: `${id}u`, upstreams: [], policy: isLate ? LATE : PLAIN }
    const hasUpstream = isLate || random() < 0.3
    const root: SimTask = { id, upstreams: hasUpstream ? [upstream] : [], policy: PLAIN }
    const tasks = [...root.upstreams, root]
    for (const task of tasks)
      scripts.set(task.id, { ...randomScript(random, isLate), durationMs: 3_000 * random() })
    const appearsMs = scheduler.now - begunAt + APPEARS_MS * (0.5 + random() / 2)
    if (isLate) scripts.set(upstream.id, { failures: 0, durationMs: 0, yields: [], appearsMs })
    return tasks
  }
}
