import { SluiceError } from '../../core/errors.ts'
import { formatShownName, suggestName } from '../../define/suggestion.ts'
import {
  FIELDS,
  type Field,
  type Selection,
  type Sign,
  TASK_STATUSES,
  type Term,
  type Value,
} from './language.ts'
import { parseIntervalValue } from './match.ts'

/** Longer texts are refused: they go into names of requests, and into inputs of executions. */
export const MAX_SELECTION = 4_000

const HINT = `Write terms such as status=failed family=Match* date=2026-05-18; fields: ${FIELDS.join(', ')}; any other name is a parameter.`

const NAME_AND_SIGN = /^([^\s=!<>,"()]+)(!=|<=|>=|=|<|>)/

/** The selection of a text. Throws what is wrong with it, what is allowed, and the nearest name. */
export function parseSelection(text: string): Selection {
  if (text.length > MAX_SELECTION)
    throw refuse(`The selection has ${text.length} characters; ${MAX_SELECTION} are allowed.`)
  const terms: Term[] = []
  for (let rest = text.trimStart(); rest !== ''; ) {
    const { term, after } = readTerm(rest)
    terms.push(term)
    rest = after
  }
  if (terms.length === 0) throw refuse('The selection is empty.')
  return terms
}

const refuse = (what: string, hint = HINT) => new SluiceError('invalid_usage', what, { hint })

/** Values of people are shown shortened. */
const show = (text: string) => formatShownName(text.length > 80 ? `${text.slice(0, 80)}…` : text)

function readTerm(text: string): { term: Term; after: string } {
  const [head, name = '', sign] = NAME_AND_SIGN.exec(text) ?? []
  if (head === undefined || sign === undefined) {
    const [word = ''] = text.split(/\s/, 1)
    throw refuse(
      `${show(word)} in the selection is no term: it needs a name, then a sign.${suggestName(word, FIELDS)}`,
    )
  }
  const { values, after } = readValues(text.slice(head.length), head)
  return { term: checkTerm(name, sign as Sign, values), after }
}

function readValues(text: string, head: string): { values: Value[]; after: string } {
  const values: Value[] = []
  for (let rest = text; ; ) {
    const { value, after } = readValue(rest, head)
    values.push(value)
    if (!after.startsWith(',')) {
      if (after !== '' && !/^\s/.test(after))
        throw refuse(`${show(after)} follows a quoted value of ${head}: a space or a comma is missing.`)
      return { values, after: after.trimStart() }
    }
    rest = after.slice(1)
  }
}

function readValue(text: string, head: string): { value: Value; after: string } {
  if (text.startsWith('"')) {
    const [whole, inner = ''] = /^"((?:[^"\\]|\\.)*)"/s.exec(text) ?? []
    if (whole === undefined) throw refuse(`A quote of ${head} is not closed.`)
    return {
      value: { text: inner.replaceAll(/\\(.)/gs, '$1'), isQuoted: true },
      after: text.slice(whole.length),
    }
  }
  const end = findValueEnd(text, head)
  if (end === 0)
    throw refuse(
      `${head} has an empty value.`,
      'Write "" for an empty text, and no space beside a sign or comma.',
    )
  return { value: { text: text.slice(0, end), isQuoted: false }, after: text.slice(end) }
}

/** A value ends with a space or comma that is in no parentheses. */
function findValueEnd(text: string, head: string): number {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] as string
    if (sign === '(') depth++
    if (sign === ')' && depth > 0) depth--
    if (depth === 0 && (sign === ',' || /\s/.test(sign))) return at
  }
  if (depth > 0) throw refuse(`A parenthesis of ${head} is not closed.`, 'Put the value into quotes.')
  return text.length
}

const ORDERED: readonly Sign[] = ['<', '<=', '>', '>=']
const COUNTERPARTS: readonly Field[] = ['upstream-of', 'downstream-of']

function checkTerm(name: string, sign: Sign, values: Value[]): Term {
  if (ORDERED.includes(sign) && values.length > 1)
    throw refuse(`${name}${sign} takes one value.`, 'Only = and != take several.')
  const field = FIELDS.find((known) => known === name)
  if (field === undefined) return { param: name.replace(/^param\.(?=.)/, ''), sign, values }
  if (ORDERED.includes(sign) && field !== 'interval')
    throw refuse(
      `${field}${sign} has no meaning: only intervals and parameters have an order.`,
      `Write ${field}= or ${field}!=.`,
    )
  if (COUNTERPARTS.includes(field)) refusePatterns(field, values)
  if (field === 'status') for (const value of values) checkStatus(value)
  if (field === 'interval') for (const { text } of values) parseIntervalValue(text, 'UTC')
  return { field, sign, values }
}

/** A cone of "every task that matches" could be the whole run by a slip of the hand. */
function refusePatterns(field: Field, values: readonly Value[]): void {
  const pattern = values.find(({ text, isQuoted }) => !isQuoted && text.includes('*'))
  if (pattern === undefined) return
  throw refuse(
    `${field} takes tasks and no pattern such as ${show(pattern.text)}.`,
    'Name a number, a family or a label; quote a label that has a * in it.',
  )
}

function checkStatus({ text, isQuoted }: Value): void {
  if ((!isQuoted && text.includes('*')) || TASK_STATUSES.includes(text)) return
  throw refuse(
    `${show(text)} is no status of a task.${suggestName(text, TASK_STATUSES)}`,
    `Statuses: ${TASK_STATUSES.join(', ')}.`,
  )
}
