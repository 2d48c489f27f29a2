import type { Policy } from '../core/plan.ts'
import { findFieldProblem } from './fields.ts'
import { BUILT_IN_FLAGS, toFlagName } from './flags.ts'
import { type Fields, isZodField } from './params.ts'
import type { Requires } from './requires.ts'
import { SECRET_NAME } from './secret.ts'
import type { Output } from './targets/target.ts'
import type { RetryOptions, Secrets, TaskKind, TaskOptions } from './task.ts'

type Options = Omit<TaskOptions<Fields, Requires, Output, Secrets>, 'requires' | 'output'> & { cpu?: number }
const DEFAULT_RETRY = { attempts: 3, delaySeconds: 10, backoff: 'exponential' } as const
const FAMILY = /^[A-Za-z][A-Za-z0-9_]{0,49}$/
const PARAMETER = /^[a-z][A-Za-z0-9]{0,49}$/
/** Below this V8 cannot start our child process. */
const MIN_MEMORY_MB = 32

/** How a task is run, as the plan carries it. */
export function makeTaskPolicy(options: Options, pollSeconds: number | undefined): Policy {
  const retry = { ...DEFAULT_RETRY, ...options.retry }
  const secrets = Object.entries<{ secret: string }>(options.secrets ?? {})
  return {
    retry: {
      attempts: retry.attempts,
      delayMs: retry.delaySeconds * 1000,
      backoff: retry.backoff,
      ...(retry.maxDelaySeconds === undefined ? {} : { maxDelayMs: retry.maxDelaySeconds * 1000 }),
      ...(retry.timedOut === undefined ? {} : { timedOut: retry.timedOut }),
      ...(retry.outOfMemory === undefined ? {} : { outOfMemory: retry.outOfMemory }),
    },
    fresh: options.fresh ?? 'run',
    secrets: Object.fromEntries(secrets.map(([name, reference]) => [name, reference?.secret])),
    ...(options.timeoutSeconds === undefined ? {} : { timeoutMs: options.timeoutSeconds * 1000 }),
    ...(options.memoryMb === undefined ? {} : { memoryMb: options.memoryMb }),
    ...(options.cpu === undefined ? {} : { cpu: options.cpu }),
    ...(options.pool === undefined ? {} : { pool: options.pool }),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    ...(options.resources === undefined ? {} : { resources: { ...options.resources } }),
    ...(options.budgets === undefined ? {} : { budgets: { ...options.budgets } }),
    ...(pollSeconds === undefined ? {} : { external: { pollMs: pollSeconds * 1000 } }),
  }
}

const KNOWN = [
  'params',
  'requires',
  'output',
  'retry',
  'timeoutSeconds',
  'memoryMb',
  'fresh',
  'secrets',
  'pool',
  'priority',
  'resources',
  'budgets',
]
const KNOWN_OF_CONTAINERS = [...KNOWN.filter((name) => name !== 'fresh'), 'image', 'command', 'env', 'cpu']
const KNOWN_OF_JOBS = KNOWN.filter((name) => name !== 'fresh' && name !== 'memoryMb')
const KNOWN_OF_SERVICES = {
  'emr-serverless': [...KNOWN_OF_JOBS, 'application', 'job', 'local', 'files'],
  'emr-step': [...KNOWN_OF_JOBS, 'cluster', 'role', 'logs', 'step', 'local', 'files'],
}
const MAX_PRIORITY = 1000

/** Everything that is wrong with a definition, a sentence each. */
export function findDefinitionProblems(family: string, options: Options, kind: TaskKind): string[] {
  const problems: string[] = []
  const check = (isRight: boolean, problem: string) => {
    if (!isRight) problems.push(`task ${JSON.stringify(family)}: ${problem}`)
  }
  check(FAMILY.test(family), 'a family is a letter, then up to 49 letters, digits or underscores')
  checkKind(options, kind, check)
  for (const [name, field] of Object.entries(options.params ?? {})) checkParameter(name, field, check)
  checkRetry(options.retry ?? {}, check)
  const { timeoutSeconds, memoryMb, fresh } = options
  check(timeoutSeconds === undefined || isPositive(timeoutSeconds), 'timeoutSeconds must be above 0')
  check(
    memoryMb === undefined || (Number.isInteger(memoryMb) && memoryMb >= MIN_MEMORY_MB),
    `memoryMb must be a whole number of ${MIN_MEMORY_MB} or more`,
  )
  check(fresh === undefined || ['run', 'attempt'].includes(fresh), "fresh must be 'run' or 'attempt'")
  for (const [name, reference] of Object.entries<{ secret?: unknown }>(options.secrets ?? {}))
    check(
      SECRET_NAME.test(String(reference?.secret)),
      `secret ${name} must be secret('name'); a name is letters, digits and _ . / -`,
    )
  const { pool, priority = 0 } = options
  check(pool === undefined || typeof pool === 'string', 'pool must be the name of a pool')
  check(
    Number.isInteger(priority) && Math.abs(priority) <= MAX_PRIORITY,
    `priority must be a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}`,
  )
  for (const [name, weight] of Object.entries({ ...options.resources, ...options.budgets }))
    check(isCount(weight), `${name}: ${weight} must be a whole number of 1 or more`)
  return problems
}

function checkKind(options: Options, kind: TaskKind, check: (is: boolean, problem: string) => void): void {
  const known = listKnownOptions(kind)
  for (const name of Object.keys(options))
    check(known.includes(name), `there is no option ${name}; there are ${known.join(', ')}`)
  if ('problems' in kind) for (const problem of kind.problems) check(false, problem)
  if ('body' in kind) check(typeof kind.body === 'function', 'its body, the last argument, is missing')
  if ('pollSeconds' in kind) check(isPositive(kind.pollSeconds), 'pollSeconds must be above 0')
}

function listKnownOptions(kind: TaskKind): readonly string[] {
  if ('emr' in kind) return KNOWN_OF_SERVICES[kind.emr.service]
  return 'container' in kind ? KNOWN_OF_CONTAINERS : KNOWN
}

const isCount = (value: unknown) => typeof value === 'number' && Number.isInteger(value) && value >= 1

function checkParameter(name: string, field: unknown, check: (is: boolean, problem: string) => void) {
  check(PARAMETER.test(name), `parameter ${name} must be camelCase letters and digits`)
  check(
    !BUILT_IN_FLAGS.has(toFlagName(name)),
    `parameter ${name} would be the flag --${toFlagName(name)}, which the command has already; give it another name`,
  )
  if (!isZodField(field)) {
    check(false, `parameter ${name} must be a zod schema of zod 4, for example z.string()`)
    return
  }
  const problem = findFieldProblem(field)
  check(
    problem === undefined,
    `parameter ${name} ${problem}; use text, numbers or JSON, for example day() for dates`,
  )
}

function checkRetry(retry: RetryOptions, check: (is: boolean, problem: string) => void): void {
  const { attempts, delaySeconds, maxDelaySeconds, backoff, timedOut, outOfMemory, ...rest } = retry
  for (const name of Object.keys(rest)) check(false, `there is no retry.${name}`)
  for (const [name, count] of Object.entries({ attempts, timedOut, outOfMemory }))
    check(
      count === undefined || isCount(count),
      `retry.${name} counts all attempts, so it must be a whole number of 1 or more`,
    )
  check(
    delaySeconds === undefined || (Number.isFinite(delaySeconds) && delaySeconds >= 0),
    'retry.delaySeconds must be 0 or more',
  )
  check(
    maxDelaySeconds === undefined || (isPositive(maxDelaySeconds) && maxDelaySeconds >= (delaySeconds ?? 0)),
    'retry.maxDelaySeconds must be above 0, and not below delaySeconds',
  )
  check(
    backoff === undefined || ['fixed', 'exponential'].includes(backoff),
    "retry.backoff must be 'fixed' or 'exponential'",
  )
}

const isPositive = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value > 0
