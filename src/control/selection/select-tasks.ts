import { setImmediate as passTurn } from 'node:timers/promises'
import { splitIntoChunks } from '../../core/chunks.ts'
import { SluiceError } from '../../core/errors.ts'
import type { PlannedTask } from '../../core/plan.ts'
import type { Run } from '../../core/records/run.ts'
import { formatShownName, suggestName } from '../../define/suggestion.ts'
import { listCone } from '../graph-window.ts'
import type { Home } from '../home.ts'
import { type RunTable, readRunTable } from '../run-table.ts'
import { FIELDS, isRunTerm, nameTerm, type Selection, type Term } from './language.ts'
import { makeParamMatcher, makeTextMatcher, matchesRun } from './match.ts'

/** The run whose tasks are selected, and the zone of its schedule. */
export interface SelectedRun {
  home: Home
  run: Run
  timeZone: string
}

/** Plans of so many tasks are looked at together. */
const CHUNK = 1_000

type Predicate<T> = (value: T) => boolean
type ParamTerm = Extract<Term, { param: string }>

/**
 * Numbers of the tasks that a selection wants, in order, after a number: the one meaning of the language. What the table
 * of the run knows is decided there; plans are read, a chunk at a time, only for parameters and labels, and only of tasks
 * that all other terms want. Throws for a family, task or parameter that the run does not have.
 */
export async function* selectTaskNumbers(
  { home, run, timeZone }: SelectedRun,
  selection: Selection,
  after = -1,
): AsyncGenerator<number> {
  if (!selection.filter(isRunTerm).every((term) => matchesRun(term, run, timeZone))) return
  const table = await readRunTable(home, run)
  const inTable = await makeTableFilters(home, run, table, selection)
  const inPlan = makePlanFilters(selection)
  const candidates = table.numbers
    .filter((number) => inTable.every((matches) => matches(number)))
    .sort((a, b) => a - b)
  if (inPlan.length === 0) return yield* candidates.filter((number) => number > after)
  const unseen = makeUnseenParams(selection)
  for (const chunk of splitIntoChunks(
    candidates.filter((number) => number > after),
    CHUNK,
  )) {
    const planned = await home.context.ports.plans.tasks(run.id, chunk)
    unseen.look(planned)
    for (const task of planned) if (inPlan.every((matches) => matches(task))) yield task.number
    await passTurn()
  }
  if (after < 0) unseen.refuse(run)
}

/** All of these numbers. */
export async function selectAllTasks(selected: SelectedRun, selection: Selection): Promise<number[]> {
  const numbers: number[] = []
  for await (const number of selectTaskNumbers(selected, selection)) numbers.push(number)
  return numbers
}

/** What the table of the run decides by itself. */
async function makeTableFilters(
  home: Home,
  run: Run,
  table: RunTable,
  selection: Selection,
): Promise<Predicate<number>[]> {
  const filters: Predicate<number>[] = []
  for (const term of selection) {
    if (!('field' in term)) continue
    const matches = makeTextMatcher(term)
    if (term.field === 'status') filters.push((number) => matches(table.status[number] ?? 'pending'))
    if (isOfNumbers(term)) filters.push((number) => matches(String(number)))
    if (term.field === 'family') filters.push(makeFamilyFilter(run, table, term))
    if (term.field === 'upstream-of' || term.field === 'downstream-of')
      filters.push(await makeConeFilter(home, run, table, term))
  }
  return filters
}

/** Numbers of tasks are known without their plans. */
const isOfNumbers = (term: Term): boolean =>
  'field' in term && term.field === 'task' && term.values.every(({ text }) => /^\d+$/.test(text))

function makeFamilyFilter(run: Run, table: RunTable, term: Term): Predicate<number> {
  for (const { text, isQuoted } of term.values)
    if ((isQuoted || !text.includes('*')) && !table.families.includes(text))
      throw unknownFamily(run, table, text)
  const matches = makeTextMatcher(term)
  const wanted = table.families.map(matches)
  return (number) => wanted[table.familyOf[number] ?? -1] === true
}

function unknownFamily(run: Run, { families }: RunTable, text: string): SluiceError {
  const shown = formatShownName(text.slice(0, 200))
  return new SluiceError(
    'unknown_task',
    `Run ${run.id} has no tasks of the family ${shown}.${suggestName(text, families)}`,
    {
      hint: `Its families: ${families.slice(0, 10).join(', ')}${families.length > 10 ? ', …' : ''}.`,
    },
  )
}

async function makeConeFilter(
  home: Home,
  run: Run,
  table: RunTable,
  { field, sign, values }: Extract<Term, { field: unknown }>,
): Promise<Predicate<number>> {
  const middles: number[] = []
  for (const { text } of values)
    for (const number of await findNamedTasks(home, run, table, text)) middles.push(number)
  const cone = new Set(listCone(table, middles, field === 'upstream-of'))
  return sign === '!=' ? (number) => !cone.has(number) : (number) => cone.has(number)
}

/** The tasks of a number, family or label; throws if there is none. */
async function findNamedTasks(home: Home, run: Run, table: RunTable, name: string): Promise<number[]> {
  const number = /^\d+$/.test(name) ? Number(name) : undefined
  if (number !== undefined && table.status[number] !== undefined) return [number]
  const family = table.findFamily(name)
  if (family >= 0) return table.numbers.filter((each) => table.familyOf[each] === family)
  // A label begins with its family, but that of a command of a plan may be any text.
  const named = table.findFamily(name.slice(0, Math.max(0, name.indexOf('('))))
  const candidates = table.numbers.filter((each) => named < 0 || table.familyOf[each] === named)
  const found: number[] = []
  for (const chunk of splitIntoChunks(candidates, CHUNK))
    for (const { label, number } of await home.context.ports.plans.tasks(run.id, chunk))
      if (label === name) found.push(number)
  if (found.length > 0) return found
  const shown = formatShownName(name.slice(0, 200))
  throw new SluiceError(
    'unknown_task',
    `Run ${run.id} has no task ${shown}.${suggestName(name, table.families)}`,
    {
      hint: 'A task is named by its number, its family or its label in quotes: "Family(k=v,…)".',
    },
  )
}

/** What only plans of tasks tell: parameters, and what tasks are called. */
function makePlanFilters(selection: Selection): Predicate<PlannedTask>[] {
  return selection.flatMap((term): Predicate<PlannedTask>[] => {
    if ('param' in term) {
      const matches = makeParamMatcher(term)
      return [({ params }) => matches(params)]
    }
    if (term.field !== 'task' || isOfNumbers(term)) return []
    const isOne = makeTextMatcher({ sign: '=', values: term.values })
    const isNamed = ({ label, family, number }: PlannedTask) =>
      isOne(label) || isOne(family) || isOne(String(number))
    return [term.sign === '!=' ? (task) => !isNamed(task) : isNamed]
  })
}

/** Refuses a parameter that none of the tasks has that the other terms want: it would select nothing, without a word. */
function makeUnseenParams(selection: Selection) {
  const unseen = new Set(selection.flatMap((term) => ('param' in term ? [nameTerm(term as ParamTerm)] : [])))
  const names = new Set<string>(FIELDS)
  let looked = 0
  return {
    look(planned: PlannedTask[]): void {
      looked += planned.length
      if (unseen.size === 0) return
      for (const { params } of planned)
        for (const name in params) {
          unseen.delete(name)
          if (names.size < 1_000) names.add(name)
        }
    },
    refuse(run: Run): void {
      const [name] = unseen
      if (name === undefined || looked === 0) return
      throw new SluiceError(
        'unknown_name',
        `No task that the rest of the selection wants in run ${run.id} has the parameter ${formatShownName(name.slice(0, 80))}.${suggestName(name, [...names])}`,
        {
          hint: `Fields: ${FIELDS.join(', ')}. Parameters there: ${[...names].slice(FIELDS.length, FIELDS.length + 10).join(', ') || 'none'}.`,
        },
      )
    },
  }
}
