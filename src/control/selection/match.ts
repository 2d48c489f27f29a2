import { parseTimeSpan, type Span } from '../../core/calendar.ts'
import { SluiceError } from '../../core/errors.ts'
import { toCanonicalJson } from '../../core/identity.ts'
import type { Json, Params } from '../../core/json.ts'
import type { Run } from '../../core/records/run.ts'
import { formatShownName } from '../../define/suggestion.ts'
import type { Sign, Term, Value } from './language.ts'

/** Makes what looks whether a text is one of the values of a term. Each star is any text. */
export function makeTextMatcher({ sign, values }: Pick<Term, 'sign' | 'values'>): (text: string) => boolean {
  const matchers = values.map(makeValueMatcher)
  const isOne = (text: string) => matchers.some((matches) => matches(text))
  return sign === '!=' ? (text) => !isOne(text) : isOne
}

function makeValueMatcher({ text: wanted, isQuoted }: Value): (text: string) => boolean {
  if (isQuoted || !wanted.includes('*')) return (text) => text === wanted
  const [first = '', ...rest] = wanted.split('*')
  const last = rest.pop() ?? ''
  return (text) => {
    if (!text.startsWith(first) || !text.endsWith(last)) return false
    // Each part at its first place: no other choice leaves more room for what follows.
    let at = first.length
    for (const part of rest) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return at <= text.length - last.length
  }
}

/** Makes what looks whether parameters have one of the values of a term. Those without the parameter never do. */
export function makeParamMatcher(term: { param: string } & Term): (params: Params) => boolean {
  const { param, sign, values } = term
  const matches = sign === '=' || sign === '!=' ? makeTextMatcher(term) : undefined
  const [bound = { text: '', isQuoted: true }] = values
  return (params) => {
    if (!Object.hasOwn(params, param)) return false
    const value = params[param] ?? null
    return matches === undefined
      ? isInOrder(sign, compareValues(value, bound.text))
      : matches(formatParam(value))
  }
}

/** A parameter as a selection compares it: texts as they are, all else as JSON. */
const formatParam = (value: Json): string => (typeof value === 'string' ? value : toCanonicalJson(value))

/** Numbers in their order, and texts, such as days, by their characters. */
function compareValues(value: Json, bound: string): number {
  if (typeof value === 'number') return value - (bound.trim() === '' ? Number.NaN : Number(bound))
  const text = formatParam(value)
  return text === bound ? 0 : text < bound ? -1 : 1
}

function isInOrder(sign: Sign, order: number): boolean {
  switch (sign) {
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
    case '=':
    case '!=':
      return false
  }
}

/** Whether a run is one that a term about runs wants. Times without a zone are in that of the schedule. */
export function matchesRun(term: Term, run: Pick<Run, 'name' | 'interval'>, timeZone: string): boolean {
  if ('field' in term && term.field === 'pipeline') return makeTextMatcher(term)(run.name)
  const spans = term.values.map(({ text }) => parseIntervalValue(text, timeZone))
  if (run.interval === undefined) return false
  const { start } = run.interval
  const isWithin = spans.some((span) => start >= span.start && start < span.end)
  const [{ start: from, end: to } = { start: 0, end: 0 }] = spans
  switch (term.sign) {
    case '=':
      return isWithin
    case '!=':
      return !isWithin
    case '<':
      return start < from
    case '<=':
      return start < to
    case '>':
      return start >= to
    case '>=':
      return start >= from
  }
}

/** The stretch of time that a value of a term about intervals names; throws if it names none. */
export function parseIntervalValue(text: string, timeZone: string): Span {
  const span = parseTimeSpan(text, timeZone)
  if (span !== undefined) return span
  throw new SluiceError(
    'invalid_usage',
    `interval: ${formatShownName(text.slice(0, 80))} is no time that exists.`,
    {
      hint: 'Write a day 2026-05-17, an hour 2026-05-17T10 or a minute 2026-05-17T10:15, in the zone of the schedule.',
    },
  )
}
