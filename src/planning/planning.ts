import { makeBodyFailure } from '../body/failure.ts'
import { bindTaskOutput, type Surroundings } from '../body/outputs.ts'
import { splitIntoChunks } from '../core/chunks.ts'
import type { FoundTask } from '../core/graph.ts'
import { escapeControlCharacters } from '../core/identity.ts'
import type { Failure } from '../core/records/task-run.ts'
import { asLocalContainer } from '../define/emr.ts'
import { waitForUserCode } from '../define/open-waits.ts'
import { flattenRequires, type Requires } from '../define/requires.ts'
import { StorageTarget, type Workspace } from '../define/targets/storage-target.ts'
import { listOutputTargets, type Output, type Target } from '../define/targets/target.ts'
import type { TaskInstance } from '../define/task.ts'
import type { KnownIds } from '../engine/plan-graph.ts'
import { describeContainer, describeLocalCommand } from './describe-container.ts'
import { describeJob } from './describe-job.ts'

/** A task as planning found it, with its upstreams, and what its `requires` returned. */
interface Described {
  found: FoundTask
  upstreams: TaskInstance[]
  requires?: Requires
}

/** How many single look-ups are made at once for targets that offer no bulk one. */
const PARALLEL = 32

/** What planning asks of tasks; an exception of user code becomes that task's failure alone. */
export function makePlanningDefinitions(surroundings: Surroundings) {
  const workspace: Workspace = { storage: surroundings.storage, staged: new Map() }
  const outputs = new Map<TaskInstance, Target[] | Failure>()
  const outputOf = (task: TaskInstance) => bindTaskOutput(task, surroundings, workspace)

  function look(task: TaskInstance): Target[] | Failure {
    const known = outputs.get(task)
    if (known !== undefined) return known
    const list = callUserCode('output', () => listOutputTargets(outputOf(task)))
    outputs.set(task, list)
    return list
  }

  return {
    async areComplete(tasks: TaskInstance[]): Promise<boolean[]> {
      const lists = tasks.map(look)
      const answers = await findExisting(
        surroundings,
        lists.flatMap((list) => (Array.isArray(list) ? list : [])),
      )
      const made: { id: string; outputs: string[] }[] = []
      let next = 0
      const areThere = tasks.map((task, index) => {
        const list = lists[index]
        if (!Array.isArray(list)) return false
        const first = next
        next += list.length
        const failed = findError(answers, first, next)
        if (failed !== undefined) outputs.set(task, makeDefinitionFailure('exists', failed))
        if (!list.every((_, place) => answers[first + place] === true)) return false
        const { id, definition } = task
        // A marker proves its task always, and what an external task waits for is made by no attempt.
        if (definition.output && !definition.policy.external)
          made.push({ id, outputs: list.map(({ uri }) => uri) })
        return true
      })
      const unproven = (made.length > 0 && (await surroundings.findUnproven?.(made))) || new Set()
      return tasks.map(({ id }, index) => areThere[index] === true && !unproven.has(id))
    },

    /** URIs of its targets; none for a marker, and if its definition throws. */
    outputsOf(task: TaskInstance): string[] {
      if (task.definition.output === undefined) return []
      const targets = callUserCode('output', () => listOutputTargets(outputOf(task)))
      return Array.isArray(targets) ? targets.map(({ uri }) => uri) : []
    },

    describe(
      task: TaskInstance,
      complete: boolean,
      known: KnownIds,
    ): { found: FoundTask; upstreams: TaskInstance[] } {
      const targets = look(task)
      // Asked for once more only when planned once more.
      outputs.delete(task)
      const { definition, id, label, params } = task
      const described: FoundTask = {
        id,
        family: definition.family,
        params,
        label,
        upstreams: [],
        outputs: Array.isArray(targets) && definition.output ? targets.map(({ uri }) => uri) : [],
        policy: definition.policy,
      }
      const { wrong = [] } = definition
      if (wrong.length > 0)
        return { found: { ...described, failure: makeWrongAnswerFailure(wrong) }, upstreams: [] }
      if (!Array.isArray(targets)) return { found: { ...described, failure: targets }, upstreams: [] }
      if (complete) return { found: { ...described, complete: true }, upstreams: [] }
      const planned = withUpstreams(task, described, known)
      if (planned.found.failure !== undefined) return planned
      const program = describeProgram(task, planned.requires, outputOf, surroundings)
      if (program === undefined) return planned
      if ('outcome' in program) return { found: { ...planned.found, failure: program }, upstreams: [] }
      return { ...planned, found: { ...planned.found, ...program } }
    },
  }
}

/** The program that runs instead of a body, if one does. */
function describeProgram(
  task: TaskInstance,
  requires: Requires | undefined,
  outputOf: (task: TaskInstance) => Output,
  { runsJobs }: Surroundings,
): Pick<FoundTask, 'command' | 'container' | 'job'> | Failure | undefined {
  const { container, emr } = task.definition
  if (container === undefined && emr === undefined) return undefined
  if (emr !== undefined && runsJobs)
    return callUserCode('job', () => ({ job: describeJob(task, emr, requires, outputOf) }))
  const local = emr?.local
  const { image, command, env = {} } = asLocalContainer(local) ?? {}
  const inContainer = image === undefined ? container : { image, env, ...(command && { command }) }
  if (inContainer !== undefined)
    return callUserCode('command', () => ({
      container: describeContainer(task, inContainer, requires, outputOf),
    }))
  if (local === undefined) return undefined
  return callUserCode('local', () => ({ command: describeLocalCommand(task, local, requires, outputOf) }))
}

const makeWrongAnswerFailure = (wrong: string[]): Failure => ({
  outcome: 'planning',
  message: `its definition is wrong: ${wrong.join('; ')}`,
})

function withUpstreams(task: TaskInstance, found: FoundTask, known: KnownIds): Described {
  let requires: Requires | undefined
  const flat = callUserCode('requires', () => {
    requires = task.definition.requires?.(task.params as never)
    return requires === undefined ? undefined : flattenRequires(requires, ({ id }) => known.get(id) ?? id)
  })
  if (flat === undefined) return { found, upstreams: [] }
  if ('outcome' in flat) return { found: { ...found, failure: flat }, upstreams: [] }
  // Into the task that was made for this, which nothing else refers to yet.
  found.requires = flat.shape
  found.upstreams = flat.ids
  return { found, upstreams: flat.upstreams, ...(requires && { requires }) }
}

function callUserCode<T>(what: string, call: () => T): T | Failure {
  try {
    return call()
  } catch (error) {
    return makeDefinitionFailure(what, error)
  }
}

function makeDefinitionFailure(what: string, error: unknown): Failure {
  const failure = makeBodyFailure(error)
  return { ...failure, outcome: 'planning', message: `${what} threw: ${failure.message}` }
}

/** Whether a target exists; an Error if asking failed. */
type Answer = boolean | Error

function findError(answers: readonly Answer[], from: number, to: number): Error | undefined {
  for (let place = from; place < to; place++) {
    const answer = answers[place]
    if (answer instanceof Error) return answer
  }
  return undefined
}

/** Whether each target exists, asked in bulk by kind. */
async function findExisting({ storage }: Surroundings, targets: Target[]): Promise<Answer[]> {
  const stored = targets.flatMap((target) => (target instanceof StorageTarget ? [target.path] : []))
  const there = await storage.existMany(stored)
  if (stored.length === targets.length) return there
  const others = targets.filter((target) => !(target instanceof StorageTarget))
  const answers = new Map<Target, Answer>()
  for (const [bulk, group] of Map.groupBy(others, (target) => target.existsMany))
    await (bulk === undefined ? askSingly(group, answers) : askInBulk(group, answers))
  let next = 0
  return targets.map((target) =>
    target instanceof StorageTarget ? there[next++] === true : (answers.get(target) ?? false),
  )
}

async function askInBulk(group: Target[], answers: Map<Target, Answer>): Promise<void> {
  try {
    const asked = group[0]?.existsMany?.(group) ?? Promise.resolve([])
    const there = await waitForUserCode(() => `whether ${targetsText(group)} exist`, asked)
    group.forEach((target, index) => {
      answers.set(target, there?.[index] === true)
    })
  } catch (error) {
    for (const target of group) answers.set(target, toError(error))
  }
}

async function askSingly(group: Target[], answers: Map<Target, Answer>): Promise<void> {
  for (const some of splitIntoChunks(group, PARALLEL)) {
    const asked = some.map(async (target) => {
      answers.set(target, await askOne(target))
    })
    const silent = () => some.filter((target) => !answers.has(target))
    try {
      await waitForUserCode(() => `whether ${targetsText(silent())} exists`, Promise.all(asked))
    } catch (error) {
      for (const target of silent()) answers.set(target, toError(error))
    }
  }
}

function targetsText(targets: Target[]): string {
  const shown = targets.slice(0, 3).map(({ uri }) => escapeControlCharacters(uri))
  return `${shown.join(', ')}${targets.length > shown.length ? ` and ${targets.length - shown.length} more` : ''}`
}

async function askOne(target: Target): Promise<boolean | Error> {
  try {
    return await target.exists()
  } catch (error) {
    return toError(error)
  }
}

const toError = (thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown)))
