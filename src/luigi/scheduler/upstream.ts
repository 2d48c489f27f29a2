import type { SchedulerState } from './state.ts'
import type { LuigiTask } from './task.ts'

/** What holds a pending task back, the worst last; the empty text is nothing. */
const UPSTREAM_STATUSES = [
  '',
  'UPSTREAM_RUNNING',
  'UPSTREAM_MISSING_INPUT',
  'UPSTREAM_FAILED',
  'UPSTREAM_DISABLED',
] as const

type UpstreamStatus = (typeof UPSTREAM_STATUSES)[number]

const isWorse = (a: UpstreamStatus, b: UpstreamStatus) =>
  UPSTREAM_STATUSES.indexOf(a) > UPSTREAM_STATUSES.indexOf(b)

/** Finds what holds tasks back by the worst that is upstream of them; looks at each task once, also in cycles. */
export class UpstreamFinder {
  readonly #state: SchedulerState
  readonly #known = new Map<LuigiTask, UpstreamStatus>()

  constructor(state: SchedulerState) {
    this.#state = state
  }

  /** The upstream status of a pending task; for any other task its own status. */
  find(task: LuigiTask): string {
    if (task.status !== 'PENDING') return task.status
    return task.deps.size === 0 ? 'UPSTREAM_MISSING_INPUT' : this.#findPending(task)
  }

  #findPending(task: LuigiTask): UpstreamStatus {
    const open = [task]
    for (let next = open.at(-1); next !== undefined; next = open.at(-1)) {
      const isSecondVisit = this.#known.has(next)
      // A task that is looked at again by way of itself adds nothing.
      if (!isSecondVisit) this.#known.set(next, '')
      const unknown = isSecondVisit ? [] : this.#listUnknown(next)
      if (unknown.length > 0) {
        for (const each of unknown) open.push(each)
        continue
      }
      open.pop()
      this.#known.set(next, this.#judge(next))
    }
    return this.#known.get(task) ?? ''
  }

  #listUnknown(task: LuigiTask): LuigiTask[] {
    return this.#dependenciesOf(task).filter(
      (each) => each.status === 'PENDING' && each.deps.size > 0 && !this.#known.has(each),
    )
  }

  #dependenciesOf({ deps }: LuigiTask): LuigiTask[] {
    return [...deps].flatMap((id) => this.#state.task(id) ?? [])
  }

  #judge(task: LuigiTask): UpstreamStatus {
    let worst: UpstreamStatus = ''
    for (const dependency of this.#dependenciesOf(task)) {
      const status = this.#judgeDependency(dependency)
      if (isWorse(status, worst)) worst = status
    }
    return worst
  }

  #judgeDependency(dependency: LuigiTask): UpstreamStatus {
    switch (dependency.status) {
      case 'PENDING':
        return dependency.deps.size === 0 ? 'UPSTREAM_MISSING_INPUT' : (this.#known.get(dependency) ?? '')
      case 'RUNNING':
      case 'BATCH_RUNNING':
        return 'UPSTREAM_RUNNING'
      case 'FAILED':
        return 'UPSTREAM_FAILED'
      case 'DISABLED':
        return 'UPSTREAM_DISABLED'
      default:
        return ''
    }
  }
}
