import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFileStorage } from '../../adapters/files/file-storage.ts'
import { makeBodyLog } from '../../body/attempt-log.ts'
import { executeBody } from '../../body/execute.ts'
import { bindTaskOutput, type Surroundings } from '../../body/outputs.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { mustHave } from '../../core/must-have.ts'
import type { Shape } from '../../core/plan.ts'
import type { LogLine } from '../../core/ports/looking.ts'
import type { TaskName } from '../../core/ports/working.ts'
import type { Fields, GivenOf } from '../../define/params.ts'
import { flattenRequires, mapRequires } from '../../define/requires.ts'
import {
  type Content,
  type InputContent,
  readOutputContent,
  writeOutputContent,
} from '../../define/targets/content.ts'
import { MarkerTarget } from '../../define/targets/marker.ts'
import type { Workspace } from '../../define/targets/storage-target.ts'
import { isTarget, type Output } from '../../define/targets/target.ts'
import type { Task, TaskInstance } from '../../define/task.ts'

/** What a task is tested with. */
export interface TestOptions<R> {
  /** Contents of the upstreams, in the shape of `requires`: a value, an array of lines, text or bytes. */
  input?: InputContent<R>
  /** What `need` finds: tasks with the contents of their outputs. Without them `need` yields. */
  dependencies?: readonly (readonly [TaskInstance, unknown])[]
  secrets?: { [name: string]: string }
  /** What is left of each budget. @default as much as the task declares */
  budgets?: { [name: string]: number }
  checkpoint?: Json
  /** @default 1 */
  attempt?: number
  signal?: AbortSignal
}

/** How the tested attempt ended. */
export interface TestEnd<Out> {
  outcome: 'succeeded' | 'yielded' | 'throttled' | 'over_budget'
  /** The contents of the outputs; undefined if it did not succeed. */
  output: Content<Out>
  /** What the body returned, if the task has no output. */
  result: Json
  logs: LogLine[]
  /** Tasks that it needs. */
  yielded: TaskName[]
  checkpoint?: Json
  spent: { [name: string]: number }
}

/**
 * Runs the body of a task once, in this process and a folder that is gone afterwards, without a state or a config:
 * for a user's own tests. Rejects with the very error that the body throws, and if a secret of the task is not given.
 */
export async function testTask<F extends Fields, Out, R>(
  task: Task<F, Out, R>,
  params: GivenOf<F>,
  options: TestOptions<R> = {},
): Promise<TestEnd<Out>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'))
  try {
    return (await runTestTask(
      folder,
      (task as unknown as (given: unknown) => TaskInstance)(params),
      options,
    )) as TestEnd<Out>
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runTestTask(
  folder: string,
  instance: TaskInstance,
  options: TestOptions<unknown>,
): Promise<TestEnd<unknown>> {
  const markers = new Map<string, Json>()
  const surroundings: Surroundings = {
    storage: makeFileStorage(folder),
    markers: {
      read: async (ids) =>
        ids.map((id) => (markers.has(id) ? { result: markers.get(id) ?? null } : undefined)),
    },
  }
  const upstreams = await writeInput(instance, options, surroundings, markers)
  const logs: LogLine[] = []
  const { secrets = {}, checkpoint, attempt = 1, signal = new AbortController().signal } = options
  const budgets = { ...instance.definition.policy.budgets, ...options.budgets }
  requireGivenSecrets(instance, secrets)
  let thrown: unknown
  const end = await executeBody({
    run: 'test',
    task: instance,
    attempt,
    writer: 'test',
    ...upstreams,
    secrets,
    budgets: Object.fromEntries(
      Object.entries(budgets).map(([name, amount]) => [name, { amount, endsAt: Number.POSITIVE_INFINITY }]),
    ),
    dependencies: new Set((options.dependencies ?? []).map(([each]) => each.id)),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    surroundings,
    log: makeBodyLog((level, text) => logs.push({ at: Date.now(), level, text })),
    getSignal: () => signal,
    onProgress() {},
    onError(error) {
      thrown = error
    },
    mayPublish: async () => true,
    // Nothing is left beyond what the test gives.
    reserve: async () => undefined,
    block: async () => {},
  })
  if (end.outcome === 'failed') throw thrown
  const isDone = end.outcome === 'succeeded'
  const workspace: Workspace = { storage: surroundings.storage, staged: new Map() }
  const hasOutput = instance.definition.output !== undefined
  return {
    outcome: end.outcome,
    output: (isDone && hasOutput
      ? await readOutputContent(bindTaskOutput(instance, surroundings, workspace))
      : undefined) as Content<unknown>,
    result: end.result ?? null,
    logs,
    yielded: end.yielded ?? [],
    spent: end.spent ?? {},
    ...(end.checkpoint === undefined ? {} : { checkpoint: end.checkpoint }),
  }
}

function requireGivenSecrets({ definition, label }: TaskInstance, given: { [name: string]: string }): void {
  const missing = Object.keys(definition.policy.secrets).filter((name) => given[name] === undefined)
  if (missing.length === 0) return
  const example = missing.map((name) => `${name}: '…'`).join(', ')
  throw new SluiceError('unknown_secret', `${label} is tested without its secret ${missing.join(', ')}.`, {
    hint: `Give it to the test: testTask(…, { secrets: { ${example} } })`,
  })
}

/** Writes the contents of upstreams and dependencies where the body will read them. */
async function writeInput(
  instance: TaskInstance,
  { input, dependencies = [] }: TestOptions<unknown>,
  surroundings: Surroundings,
  markers: Map<string, Json>,
): Promise<{ requires?: Shape; upstream: (number: number) => TaskInstance }> {
  const fill = async (task: TaskInstance, content: unknown) => {
    const workspace: Workspace = { storage: surroundings.storage, writer: 'test', staged: new Map() }
    const output: Output = bindTaskOutput(task, surroundings, workspace)
    if (isTarget(output) && output instanceof MarkerTarget) markers.set(task.id, (content ?? null) as Json)
    else await writeOutputContent(output, content)
    for (const staged of workspace.staged.values()) await staged.publish('replace')
  }
  for (const [task, content] of dependencies) await fill(task, content)
  const requires = instance.definition.requires?.(instance.params as never)
  if (requires === undefined) return { upstream: () => instance }
  const { upstreams } = flattenRequires(requires)
  const numbers = mapRequires(requires, (task) => upstreams.indexOf(task)) as Shape
  await Promise.all(
    listInputContents(numbers, input).map(([number, content]) =>
      fill(mustHave(upstreams[number], 'upstream of the tested task'), content),
    ),
  )
  return {
    requires: numbers,
    upstream: (number) => mustHave(upstreams[number], 'upstream of the tested task'),
  }
}

/** The content of each upstream, by the shape of `requires`. */
function listInputContents(shape: Shape, input: unknown): [number, unknown][] {
  if (typeof shape === 'number') return input === undefined ? [] : [[shape, input]]
  return Object.entries(shape).flatMap(([name, each]) =>
    listInputContents(each, (input as Record<string, unknown>)?.[name]),
  )
}
