import { splitIntoChunks } from '../../core/chunks.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Actor } from '../../core/records/actor.ts'
import type { Run } from '../../core/records/run.ts'
import { isRunOpen } from '../../core/records/status.ts'
import { cancelTasks } from '../../engine/cancel-tasks.ts'
import { markTasksSucceeded } from '../../engine/mark.ts'
import { openRunAgain, whileDeciding } from '../acting.ts'
import type { Control, TasksActed } from '../control.ts'
import { findRun } from '../find-runs.ts'
import type { Home } from '../home.ts'
import { type ControlParts, checkRequestShape } from '../parts.ts'
import { makeSelectionRequest } from '../repeat-requests.ts'
import { readRunTable } from '../run-table.ts'
import { SelectionAct } from '../schemas.ts'
import { openRunAsAsked } from '../start-runs.ts'
import { findTimeZone } from '../time-zone.ts'
import { type Act, listAffected } from './affected.ts'
import { parseSelection } from './parse.ts'
import { selectAllTasks } from './select-tasks.ts'

/** Tasks of one look at the store. */
const CHUNK = 500
/** One request affects so many at most, so that it is answered within half a minute. */
const MAX_AFFECTED = 10_000

/** What is done with many tasks of a run at once: previewed by `selection`, in chunks, and done again without harm. */
export function makeSelectionActs(
  parts: ControlParts,
): Pick<Control, 'retrySelected' | 'cancelSelected' | 'markSelected'> {
  const { state, project, findActor } = parts
  const select = async (act: Act, request: unknown) => {
    const { run: wanted, where, atMost } = checkRequestShape(SelectionAct, request)
    const home = await state.withRuns()
    const run = await findRun(home, wanted)
    const selected = { home, run, timeZone: findTimeZone(project, run.name) }
    const all = await selectAllTasks(selected, parseSelection(where))
    const numbers = listAffected(act, run, await readRunTable(home, run), all)
    if (numbers.length === 0) throw makeNothingError(act, run, all.length)
    if (numbers.length > (atMost ?? Number.POSITIVE_INFINITY)) throw makeMoreError(numbers.length, atMost)
    return { home, run, where, numbers }
  }
  return {
    async retrySelected(request) {
      const { home, run, where } = await select('retry', request)
      const asked = makeSelectionRequest(project, run.name, { run: run.id, where })
      return openRunAsAsked(parts, home, asked, { again: { run: run.id, where } })
    },
    async cancelSelected(request) {
      const { home, run, numbers } = await select('cancel', request)
      return whileDeciding(parts, home, () => cancelInChunks(home, run, numbers, findActor()))
    },
    async markSelected(request) {
      const { home, run, where, numbers } = await select('mark', request)
      if (!isRunOpen(run.status)) return openRunAgain(parts, home, run, { done: { where } })
      return whileDeciding(parts, home, () => markInChunks(home, run, numbers, findActor()))
    },
  }
}

const VERBS = { retry: 'retried', cancel: 'cancelled', mark: 'marked' }

function makeNothingError(act: Act, { id, status }: Run, selected: number): SluiceError {
  const what =
    selected === 0
      ? `The selection has no task of run ${id}.`
      : `None of the ${selected} selected tasks can be ${VERBS[act]} now: run ${id} is ${status}.`
  return new SluiceError('invalid_usage', what, {
    hint: `Nothing was changed. Look at the tasks: sluice status ${id} --where SELECTION`,
  })
}

const makeMoreError = (now: number, shown: number | undefined) =>
  new SluiceError('invalid_usage', `${now} tasks would be affected now, and no longer ${shown} at most.`, {
    hint: 'Nothing was changed. Look at the selection anew, then do the same.',
  })

async function cancelInChunks(
  { context }: Home,
  run: Run,
  numbers: number[],
  by: Actor | undefined,
): Promise<TasksActed> {
  let [affected, left, looked] = [0, 0, 0]
  for (const chunk of splitIntoChunks(numbers, CHUNK)) {
    if (affected >= MAX_AFFECTED) break
    const result = await cancelTasks(context, run.id, chunk, by)
    affected += result.cancelled
    left += result.left
    looked += chunk.length
  }
  return { run: run.id, affected, left: left + numbers.length - looked }
}

/** What has moved on meanwhile, and cannot be marked any more, is not left. */
async function markInChunks(
  { context }: Home,
  run: Run,
  numbers: number[],
  by: Actor | undefined,
): Promise<TasksActed> {
  let [affected, looked] = [0, 0]
  for (const chunk of splitIntoChunks(numbers, CHUNK)) {
    if (affected >= MAX_AFFECTED) break
    affected += await markTasksSucceeded(context, run.id, chunk, by)
    looked += chunk.length
  }
  return { run: run.id, affected, left: numbers.length - looked }
}
