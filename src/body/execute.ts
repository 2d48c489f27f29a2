import { readErrorMessage } from '../core/errors.ts'
import { describeSecretLeak, findSecretInText } from '../core/find-secret.ts'
import type { Json } from '../core/json.ts'
import { convertToJson, RESULT_MAX_BYTES } from '../core/json.ts'
import { mapShapeNumbers, type Shape } from '../core/plan.ts'
import type { BodyEnd, Reservation, StagedOutput } from '../core/ports/working.ts'
import type { Progress } from '../core/records/task-run.ts'
import type { BodyContext, Log } from '../define/body.ts'
import { flattenRequires, mapRequires, type Requires } from '../define/requires.ts'
import { FolderTarget } from '../define/targets/folder.ts'
import type { Workspace } from '../define/targets/storage-target.ts'
import { StorageTarget } from '../define/targets/storage-target.ts'
import { listOutputTargets, type Output } from '../define/targets/target.ts'
import type { TaskInstance } from '../define/task.ts'
import { type BudgetHooks, makeAttemptBudgets } from './budgets.ts'
import { makeBodyFailure } from './failure.ts'
import { bindTaskOutput, type Surroundings } from './outputs.ts'
import {
  AttemptSignal,
  checkCheckpoint,
  makeOverBudgetSignal,
  makeThrottledSignal,
  makeYieldSignal,
} from './signals.ts'

/** One attempt of a task, with everything that its body is given. */
export interface Execution extends BudgetHooks {
  run: string
  task: TaskInstance
  attempt: number
  /** Names this attempt among writers of the same target. */
  writer: string
  requires?: Shape
  upstream: (number: number) => TaskInstance
  secrets: Record<string, string>
  budgets: { [name: string]: Reservation }
  /** Ids of what earlier attempts yielded. */
  dependencies: ReadonlySet<string>
  /** What is there already proves nothing, or is made again. */
  replaces?: true
  checkpoint?: Json
  surroundings: Surroundings
  log: Log
  /** Aborted when the attempt is asked to stop; made when the body looks at it. */
  getSignal(): AbortSignal
  onProgress(progress: Progress): void
  /** Told what the body threw, before only its message is left of it. */
  onError?(error: unknown): void
  /** Asked before outputs are moved into place; false: the attempt is no longer ours. */
  mayPublish(): Promise<boolean>
}

/** What a body leaves behind besides its outputs. */
interface Notes {
  checkpoint?: Json
  /** The way in which it asked its attempt to end; it counts even if the body swallowed it. */
  signal?: AttemptSignal
}

/**
 * Runs a body, then moves what it wrote into place. Never throws for what the body does: an exception, or an output
 * that is missing afterwards, is a failure, and then nothing is published.
 */
export async function executeBody(execution: Execution): Promise<BodyEnd> {
  const { task, surroundings, writer, budgets } = execution
  const notes: Notes = {}
  const account = makeAttemptBudgets(budgets, makeBudgetHooks(execution, notes))
  const workspace: Workspace = { storage: surroundings.storage, writer, staged: new Map() }
  const left = () => ({
    spent: account.spent(),
    ...(notes.checkpoint === undefined ? {} : { checkpoint: notes.checkpoint }),
  })
  try {
    const output = bindTaskOutput(task, surroundings, workspace)
    await removeLeftovers(execution, output)
    const returned = await callBody(execution, output, account.budgets, notes)
    if (notes.signal !== undefined) throw notes.signal
    const result = task.definition.output === undefined ? checkResult(execution, returned) : null
    for (const target of listOutputTargets(output)) if (target instanceof FolderTarget) await target.seal()
    await requireOutput(execution, output, workspace)
    await publish(execution, workspace)
    return { outcome: 'succeeded', result, ...left() }
  } catch (error) {
    const signal = notes.signal ?? (error instanceof AttemptSignal ? error : undefined)
    if (signal === undefined) execution.onError?.(error)
    return { ...(signal?.end ?? { outcome: 'failed', failure: makeBodyFailure(error) }), ...left() }
  } finally {
    for (const staged of workspace.staged.values()) await staged.discard()
  }
}

function makeBudgetHooks({ reserve, block }: Execution, notes: Notes): BudgetHooks {
  return {
    async reserve(name, amount) {
      const reservation = await reserve(name, amount)
      if (reservation === undefined) notes.signal ??= makeOverBudgetSignal(name, amount)
      return reservation
    },
    async block(name, until) {
      await block(name, until)
      notes.signal ??= makeThrottledSignal(name, until)
    },
  }
}

async function callBody(
  execution: Execution,
  output: Output,
  budgets: object,
  notes: Notes,
): Promise<unknown> {
  const { task, surroundings, requires, upstream } = execution
  const reading: Workspace = { storage: surroundings.storage, staged: new Map() }
  const outputOfTask = (each: TaskInstance) => bindTaskOutput(each, surroundings, reading)
  const outputOfUpstream = (number: number) => outputOfTask(upstream(number))
  const keep = (value: unknown) => {
    notes.checkpoint = refuseSecrets('the checkpoint', checkCheckpoint(value), execution)
  }
  const context = {
    [GET_SIGNAL]: execution.getSignal,
    params: task.params,
    input: requires === undefined ? undefined : mapShapeNumbers(requires, outputOfUpstream),
    output: task.definition.output === undefined ? undefined : output,
    secrets: execution.secrets,
    budgets,
    need: async (wanted: Requires, options: { checkpoint?: Json } = {}) => {
      const missing = flattenRequires(wanted).upstreams.filter(({ id }) => !execution.dependencies.has(id))
      if (missing.length === 0) return mapRequires(wanted, outputOfTask)
      for (const { definition, params } of missing)
        refuseSecrets(`a parameter of ${definition.family}`, params, execution)
      if (options.checkpoint !== undefined) keep(options.checkpoint)
      notes.signal ??= makeYieldSignal(missing)
      throw notes.signal
    },
    checkpoint: execution.checkpoint,
    saveCheckpoint: keep,
    log: execution.log,
    progress: (done: number, total?: number, text?: string) =>
      execution.onProgress({
        done,
        ...(total === undefined ? {} : { total }),
        ...(text === undefined ? {} : { text }),
      }),
    attempt: execution.attempt,
    run: execution.run,
  } satisfies { [K in Exclude<keyof AnyContext, 'signal'> | typeof GET_SIGNAL]: unknown }
  // The types of the body are known where its task is defined; here its parameters are JSON.
  return task.definition.body?.(Object.defineProperty(context, 'signal', SIGNAL) as never)
}

type AnyContext = BodyContext<unknown, undefined, undefined, unknown, unknown>

const GET_SIGNAL = Symbol('getSignal')

/**
 * Makes the signal of an attempt when its body looks at it. All contexts share one getter: V8 keeps every getter that is written in
 * an object literal, with all that its attempt has reached, until the next collection of the whole heap (4 kB an attempt).
 */
const SIGNAL = {
  enumerable: true,
  get(this: { [GET_SIGNAL](): AbortSignal }): AbortSignal {
    return this[GET_SIGNAL]()
  },
}

/** Removes what attempts that have died wrote beside the targets; a first attempt of a target that is believed follows none. */
async function removeLeftovers(
  { attempt, replaces, surroundings: { storage } }: Execution,
  output: Output,
): Promise<void> {
  if (attempt === 1 && !replaces) return
  for (const target of listOutputTargets(output))
    if (target instanceof StorageTarget) await storage.removeStaged(target.path)
}

async function publish(execution: Execution, workspace: Workspace): Promise<void> {
  // A body that went on after it was told to stop must not surprise the next attempt.
  if (!(await execution.mayPublish()))
    throw new Error('the attempt is no longer allowed to publish: its lease ended or it was stopped')
  await publishAll([...workspace.staged.values()], publishModeOf(execution, workspace))
  workspace.staged.clear()
}

/** Publishes all outputs or none: if one cannot be, those before it are withdrawn. */
async function publishAll(outputs: StagedOutput[], mode: 'create' | 'replace'): Promise<void> {
  const published: StagedOutput[] = []
  try {
    for (const output of outputs) {
      await output.publish(mode)
      published.push(output)
    }
  } catch (error) {
    for (const output of published) await output.withdraw()
    throw error
  }
}

/**
 * In a first attempt with one target, a target that exists was made by another attempt meanwhile: it is kept. In all other cases
 * it may be left from an attempt that was cut off: it is replaced, so that all targets belong together.
 */
const publishModeOf = ({ attempt, replaces }: Execution, { staged }: Workspace) =>
  attempt === 1 && !replaces && staged.size === 1 ? 'create' : 'replace'

/** Every target has been written now, or is there. */
async function requireOutput({ task }: Execution, output: Output, { staged }: Workspace): Promise<void> {
  if (task.definition.output === undefined) return
  for (const target of listOutputTargets(output)) {
    const isWritten = target instanceof StorageTarget && staged.has(target.path)
    if (!isWritten && !(await target.exists()))
      throw new Error(`the body ended well but its output is missing: ${target.uri}`)
  }
}

function checkResult(execution: Execution, result: unknown): Json {
  const { task } = execution
  const text = resultText(task, result)
  if (Buffer.byteLength(text) > RESULT_MAX_BYTES)
    throw new Error(
      `${task.label} returned ${Buffer.byteLength(text)} bytes; a result holds up to ${RESULT_MAX_BYTES}. Give the task an \`output\` for more.`,
    )
  const parsed: Json = JSON.parse(text)
  return refuseSecrets('the result', parsed, execution)
}

function refuseSecrets<T extends Json>(what: string, value: T, { secrets }: Execution): T {
  const name = findSecretInText(JSON.stringify(value), secrets)
  if (name !== undefined) throw new Error(describeSecretLeak(what, name))
  return value
}

function resultText(task: TaskInstance, result: unknown): string {
  try {
    return convertToJson(result ?? null)
  } catch (error) {
    throw new Error(`what ${task.label} returned is no plain JSON: ${readErrorMessage(error)}`, {
      cause: error,
    })
  }
}
