import { TaskStatus } from '../schemas/runs.ts'

/*
 * The language of selections: which tasks, and which runs, an act is for. `docs/selection.md` has it for users.
 *
 *   status=failed,cancelled family=Match* date>=2015-05-18 downstream-of="Download(part=1)"
 *
 * 1. A term is a name, a sign and a value, or several values with commas. All terms have to hold; of the values of a term, one.
 *    With `!=`, none.
 * 2. A name that no field has is a parameter; `param.NAME` is one always. A task without the parameter is not selected, with `!=` too.
 * 3. `*` stands for any text, but not in quotes. Spaces and commas belong to a value in quotes or parentheses.
 */

/** How a term compares. */
export type Sign = '=' | '!=' | '<' | '<=' | '>' | '>='

/** One value of a term; a quoted one has no `*` but as a letter. */
export interface Value {
  text: string
  isQuoted: boolean
}

/** What every selection may ask for, beside parameters. */
export const FIELDS = [
  'status',
  'family',
  'task',
  'upstream-of',
  'downstream-of',
  'pipeline',
  'interval',
] as const

/** What a term may ask for that is no parameter. */
export type Field = (typeof FIELDS)[number]

/** One condition. */
export type Term = { sign: Sign; values: readonly Value[] } & ({ field: Field } | { param: string })

/** Conditions that all have to hold. */
export type Selection = readonly Term[]

/** Fields that are of the run and not of its tasks. */
const OF_RUN: readonly Field[] = ['pipeline', 'interval']

/** Whether a term is about the run and not about its tasks. */
export const isRunTerm = (term: Term): boolean => 'field' in term && OF_RUN.includes(term.field)

/** Every status that a task may have. */
export const TASK_STATUSES: readonly string[] = TaskStatus.options

/** What a term is called. */
export const nameTerm = (term: Term): string => ('field' in term ? term.field : term.param)

/** A selection as its text; it means the same as the one that was parsed. */
export const formatSelection = (selection: Selection): string => selection.map(formatTerm).join(' ')

function formatTerm(term: Term): string {
  const isTaken = 'param' in term && FIELDS.some((field) => field === term.param)
  const name = isTaken || nameTerm(term).startsWith('param.') ? `param.${nameTerm(term)}` : nameTerm(term)
  return `${name}${term.sign}${term.values.map(formatValue).join(',')}`
}

const formatValue = ({ text, isQuoted }: Value): string => (isQuoted ? quoteValue(text) : text)

/** The text as a value that means exactly this text. */
export const quoteValue = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
