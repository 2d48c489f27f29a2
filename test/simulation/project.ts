import type { Span } from '../../src/core/calendar.ts'
import type { FoundTask } from '../../src/core/graph.ts'
import type { Limits } from '../../src/core/limits.ts'
import type { Policy } from '../../src/core/plan.ts'
import type { RunRequest } from '../../src/engine/open-run.ts'

/** A task of the simulated project; upstreams come before it. */
export interface SimTask {
  id: string
  upstreams: SimTask[]
  policy: Policy
  /** Where its output is; a place of its own if absent. */
  uri?: string
}

/** What hosts and people ask for: the run of a root task, by name. */
export interface SimRequest {
  name: string
  root: SimTask
  /** The interval that it is for. */
  interval?: Span
  /** See the request of a run. */
  schedule?: RunRequest['schedule']
}

/** How the body of a task behaves, whatever run it is in. */
export interface Script {
  /** How often it fails before it succeeds; infinite: always. */
  failures: number
  durationMs: number
  /** What its first attempts yield before they do anything. */
  yields: FoundTask[]
  /** What its body asks of its budget once it runs: more than was reserved, or that everybody leaves it alone for a while. */
  asks?: 'more' | 'rest'
  /** Its body writes the target itself, half of it as soon as it begins. */
  writesItself?: true
  /** For a task that somebody else fulfils: this long after the world's beginning its target is there. */
  appearsMs?: number
}

/** Failures after which a task has failed for good. */
export const ATTEMPTS = 3

/** What the simulated project limits. */
export const LIMITS: Limits = {
  pools: { default: {}, small: { concurrency: 1 } },
  resources: { db: { limit: 2 }, api: { limit: 1 } },
  budgets: { calls: { limit: 5, per: 'minute', timeZone: 'UTC' } },
}

export const PLAIN: Policy = {
  retry: { attempts: ATTEMPTS, delayMs: 10_000, backoff: 'exponential' },
  fresh: 'run',
  secrets: {},
}
/** Its message cannot be delayed for so long. */
const SLOW_RETRY: Policy['retry'] = { attempts: ATTEMPTS, delayMs: 20 * 60_000, backoff: 'fixed' }
/** Another system makes its target, sooner than this timeout or never. */
export const EXTERNAL: Policy = { ...PLAIN, external: { pollMs: 20_000 }, timeoutMs: 300_000 }

/** Wide, deep and diamond-shaped graphs, and anything between; deep ones if workers hand on. */
export function randomGraph(random: () => number, handsOn = false): SimTask[] {
  const size = 1 + Math.floor(random() * 12)
  const reach = random() < 0.3 ? 1 : handsOn ? 2 : random() < 0.5 ? 3 : size
  const tasks: SimTask[] = []
  for (let index = 0; index < size; index++) {
    const wanted = index === size - 1 ? size : Math.floor(random() * 4) || Number(handsOn)
    const near = tasks.slice(-reach)
    const upstreams = near.filter(() => random() < wanted / Math.max(1, near.length))
    const isExternal = upstreams.length === 0 && index < size - 1 && random() < 0.1
    tasks.push({ id: `t${index}`, upstreams, policy: isExternal ? EXTERNAL : randomPolicy(random) })
  }
  return tasks
}

/** Half of the tasks need nothing; the others compete. */
export function randomPolicy(random: () => number): Policy {
  const some = (share: number, most: number) => (random() < share ? 1 + Math.floor(random() * most) : 0)
  const weights = (wanted: { [name: string]: number }) =>
    Object.fromEntries(Object.entries(wanted).filter(([, weight]) => weight > 0))
  if (random() < 0.5) return PLAIN
  return {
    ...PLAIN,
    ...(random() < 0.2 ? { retry: SLOW_RETRY } : {}),
    pool: random() < 0.2 ? 'small' : 'default',
    priority: some(0.3, 3),
    resources: weights({ db: some(0.5, 2), api: some(0.3, 1) }),
    budgets: weights({ calls: some(0.2, 3) }),
  }
}

/** How every body behaves; some yield tasks of their own, or one of the graph that needs nothing. */
export function randomScripts(random: () => number, tasks: SimTask[], isCalm: boolean): Map<string, Script> {
  const scripts = new Map(
    tasks.map(({ id, policy }) => [
      id,
      policy.external ? externalScript(random) : randomScript(random, isCalm),
    ]),
  )
  const free = tasks.filter(({ upstreams, policy }) => upstreams.length === 0 && !policy.external)
  for (const task of tasks) {
    if (task.policy.external || random() > 0.15) continue
    const own = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index): SimTask => {
      const id = `${task.id}y${index}`
      scripts.set(id, randomScript(random, isCalm))
      return { id, upstreams: [], policy: randomPolicy(random) }
    })
    const shared = free.filter((each) => each !== task && scripts.get(each.id)?.yields.length === 0)
    const yields = random() < 0.3 && !isCalm ? [...own, ...shared.slice(0, 1)] : own
    const script = scripts.get(task.id) as Script
    if (tasks.some(({ id }) => scripts.get(id)?.yields.some((each) => each.id === task.id))) continue
    script.yields = yields.map(toFound)
  }
  return scripts
}

export function randomScript(random: () => number, isCalm: boolean): Script {
  const durationMs = random() < 0.1 ? 90_000 : 5_000 * random()
  const fate = random()
  const failures = isCalm || fate < 0.7 ? 0 : fate < 0.9 ? 1 : Number.POSITIVE_INFINITY
  const mood = random()
  const asks = isCalm || mood < 0.5 ? undefined : mood < 0.8 ? 'more' : 'rest'
  const writesItself = random() < 0.3
  return { failures, durationMs, yields: [], ...(asks && { asks }), ...(writesItself && { writesItself }) }
}

/** Its target appears after a while, or it counts as one that always fails. */
function externalScript(random: () => number): Script {
  const appears = random() < 0.8
  return {
    failures: appears ? 0 : Number.POSITIVE_INFINITY,
    durationMs: 0,
    yields: [],
    ...(appears && { appearsMs: 60_000 * random() }),
  }
}

/** Tasks that are to make what tasks of the graph make: each target may have one maker only. */
export function randomRivals(
  random: () => number,
  tasks: readonly SimTask[],
  scripts: ReadonlyMap<string, Script>,
): SimTask[] {
  // Bodies here yield without noting makers.
  const yielded = new Set([...scripts.values()].flatMap(({ yields }) => yields.map(({ id }) => id)))
  const made = tasks.filter(({ id, policy }) => !policy.external && !yielded.has(id))
  return Array.from({ length: 1 + Math.floor(random() * 2) }, (_, index): SimTask => {
    const other = made[Math.floor(random() * made.length)] as SimTask
    return { id: `rival${index}`, upstreams: [], policy: PLAIN, uri: uriOf(other.id) }
  })
}

/** Where the output of a task is, unless it has another place. */
export const uriOf = (taskId: string): string => `file:///${taskId}`

/** A task as planning finds it. */
export function toFound(task: SimTask): FoundTask {
  const ids = task.upstreams.map((each) => each.id)
  return {
    id: task.id,
    family: task.id,
    params: {},
    label: task.id,
    requires: ids,
    upstreams: ids,
    outputs: [task.uri ?? uriOf(task.id)],
    policy: task.policy,
  }
}
