import { findLuigiShim, SHIM_IN_CONTAINER } from '../../body/luigi-shim.ts'
import type { FoundTask } from '../../core/graph.ts'
import { escapeControlCharacters, formatTaskLabel, makeLuigiTaskId } from '../../core/identity.ts'
import type { Policy } from '../../core/plan.ts'
import type { Failure } from '../../core/records/task-run.ts'
import type { LuigiFamily } from '../../define/luigi.ts'
import type { LuigiSettings, LuigiTaskLine } from './luigi-lines.ts'
import { formatTaskSpec, type LuigiProgram } from './luigi-program.ts'

/** How often it is asked whether what an ExternalTask stands for is there. */
const POLL_MS = 30_000
/** As for tasks of a config: attempts in all, and seconds before the second. */
const DEFAULT_RETRY = { attempts: 3, delaySeconds: 10 }
const MOST_ATTEMPTS = 1_000
const MAX_PRIORITY = 1_000

/**
 * Makes planned tasks of what their code says of them. Upstreams are ids of Luigi until all are known. `isAsked`: this process can ask
 * external tasks again; elsewhere each has a process that asks until it is complete.
 */
export function makeLuigiTasks(
  program: LuigiProgram,
  lines: readonly LuigiTaskLine[],
  { isAsked, ...settings }: LuigiSettings & { isAsked: boolean },
): FoundTask[] {
  const ids = new Map(lines.map((line) => [line.id, makeId(line)]))
  const spec = formatTaskSpec(program)
  const { image, mounts, seed } = program
  const shim = image === undefined ? findLuigiShim() : SHIM_IN_CONTAINER.path
  const env = Object.keys(program.env).length === 0 ? NONE : program.env
  const origin = program.origin === undefined ? {} : { root: program.origin }
  const policyOf = makePolicyPool(program, settings, isAsked)
  return lines.map((line) => {
    const { family, module, params, problem } = line
    const task = JSON.stringify({ module, family, params, seed })
    return {
      id: ids.get(line.id) ?? line.id,
      family: escapeControlCharacters(family),
      params,
      label: formatTaskLabel(family, pickSignificant(line)),
      upstreams: line.deps.flatMap((id) => ids.get(id) ?? []),
      outputs: [],
      command: {
        argv: [program.python, '-u', shim, 'run', spec, task],
        folder: program.folder,
        env,
        luigi: origin,
      },
      ...(image === undefined
        ? {}
        : {
            container: {
              image,
              entryPoint: program.python,
              argv: ['-u', shim, 'run', spec, task],
              env,
              inputs: [SHIM_IN_CONTAINER.input],
              outputs: [],
              ...(mounts === undefined ? {} : { mounts }),
            },
          }),
      policy: policyOf(line),
      ...(line.complete && { complete: true as const }),
      ...(problem && { failure: makePlanningFailure(problem) }),
    }
  })
}

const NONE = Object.freeze({})

/** Tasks that a person has marked need nothing, whatever their code says. */
export const countAsDone = (found: FoundTask[], done: ReadonlySet<string>): FoundTask[] =>
  found.map(({ failure, ...task }) => {
    if (done.has(task.id)) return { ...task, complete: true, upstreams: [] }
    return failure === undefined ? task : { ...task, failure }
  })

const makeId = (line: LuigiTaskLine): string =>
  makeLuigiTaskId(line.family, {
    luigi: line.module,
    family: line.family,
    params: pickSignificant(line),
  })

function pickSignificant({ params, significant }: LuigiTaskLine): { [name: string]: string } {
  if (significant === undefined) return params
  return Object.fromEntries(significant.map((name) => [name, params[name] ?? '']))
}

const makePlanningFailure = ({
  message,
  stack,
}: {
  message: string
  stack?: string | undefined
}): Failure => ({
  outcome: 'planning',
  message,
  ...(stack ? { stack } : {}),
})

/** Most tasks of a family run alike; equal policies are one object, also if the plan is kept. */
function makePolicyPool({ families }: LuigiProgram, settings: LuigiSettings, isAsked: boolean) {
  const known = new Map<string, Policy>()
  return (line: LuigiTaskLine): Policy => {
    const { priority, resources, retries, timeout, family } = line
    const external = isAsked && line.external === true
    const own = Object.hasOwn(families, family) ? family : ''
    const key = JSON.stringify([priority, resources, retries, timeout, external, own])
    const policy = known.get(key) ?? {
      ...makeLuigiPolicy(line, settings, families[own] ?? {}),
      ...(external && { external: { pollMs: POLL_MS } }),
    }
    known.set(key, policy)
    return policy
  }
}

/** What is said from outside goes before what the task says, and that before luigi.cfg. */
export function makeLuigiPolicy(
  line: Pick<LuigiTaskLine, 'priority' | 'resources' | 'retries' | 'timeout'>,
  settings: LuigiSettings,
  how: LuigiFamily,
): Policy {
  const { resources = {} } = line
  const { pool, memoryMb, budgets, secrets = {}, retry = {} } = how
  const attempts = retry.attempts ?? line.retries ?? settings.retries ?? DEFAULT_RETRY.attempts
  const delaySeconds = retry.delaySeconds ?? settings.delay ?? DEFAULT_RETRY.delaySeconds
  const timeout = how.timeoutSeconds ?? line.timeout
  const priority = how.priority ?? line.priority
  const slots = Object.entries(resources).filter(([, count]) => count > 0)
  return {
    retry: {
      attempts: Math.min(MOST_ATTEMPTS, Math.max(1, Math.round(attempts))),
      delayMs: delaySeconds * 1000,
      backoff: retry.backoff ?? 'exponential',
      ...(retry.maxDelaySeconds === undefined ? {} : { maxDelayMs: retry.maxDelaySeconds * 1000 }),
      ...(retry.timedOut === undefined ? {} : { timedOut: retry.timedOut }),
      ...(retry.outOfMemory === undefined ? {} : { outOfMemory: retry.outOfMemory }),
    },
    fresh: 'attempt',
    secrets: Object.fromEntries(Object.entries(secrets).map(([name, { secret }]) => [name, secret])),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(pool === undefined ? {} : { pool }),
    ...(priority === undefined ? {} : { priority: toPriority(priority) }),
    ...(slots.length === 0
      ? {}
      : { resources: Object.fromEntries(slots.map(([name, count]) => [name, Math.ceil(count)])) }),
    ...(budgets === undefined ? {} : { budgets: { ...budgets } }),
  }
}

const toPriority = (priority: number) =>
  Math.round(Math.max(-MAX_PRIORITY, Math.min(MAX_PRIORITY, Number.isNaN(priority) ? 0 : priority)))
