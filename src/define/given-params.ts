import type { z } from 'zod'
import { formatDayInZone } from '../core/calendar.ts'
import { SluiceError } from '../core/errors.ts'
import { parseFieldText } from './fields.ts'
import { toFlagName } from './flags.ts'
import { type Fields, findParameterKind, isDayField } from './params.ts'
import { suggestName } from './suggestion.ts'

/** The parameters that the flags give, as the fields want them; not yet parsed by the schemas. */
export function readGivenParameters(
  fields: Fields,
  options: Record<string, unknown>,
  pairs: string[],
  timeZone: string,
): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    // Commander gives a negatable flag the default true; only what was typed counts.
    const value = options[name]
    if (value !== undefined) given[name] = parseValue(name, field, value as string | boolean, timeZone)
  }
  for (const pair of pairs) {
    const [name, value] = splitPair(pair)
    const field = fields[name]
    if (field === undefined) throw unknownParameter(name, fields)
    if (name in given)
      throw new SluiceError('invalid_parameter', `The parameter ${name} is given twice.`, {
        hint: `Give it once: -p ${name}=… or --${toFlagName(name)}.`,
      })
    given[name] = parseValue(name, field, value, timeZone)
  }
  return given
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=')
  if (equals < 1) throw new SluiceError('invalid_usage', `-p ${pair}: it takes name=value.`)
  return [pair.slice(0, equals), pair.slice(equals + 1)]
}

function unknownParameter(name: string, fields: Fields): SluiceError {
  const names = Object.keys(fields)
  return new SluiceError('unknown_parameter', `No parameter is called ${name}.${suggestName(name, names)}`, {
    hint: names.length > 0 ? `There are: ${names.join(', ')}.` : 'It takes no parameters.',
  })
}

function parseValue(name: string, field: z.ZodType, value: string | boolean, timeZone: string): unknown {
  if (typeof value === 'boolean') return value
  if (isDayField(field)) return parseFieldText(field, parseDayWord(value, timeZone))
  const found = parseFieldText(field, value)
  if (findParameterKind(field) === 'boolean' && found === value)
    throw new SluiceError(
      'invalid_parameter',
      `${name}: ${JSON.stringify(value)} is neither true nor false.`,
      {
        params: { [name]: `${JSON.stringify(value)} is neither true nor false` },
      },
    )
  if (found === undefined)
    throw new SluiceError('invalid_parameter', `${name} takes JSON, not ${JSON.stringify(value)}.`, {
      hint: `For example -p '${name}={"key": 1}'; text stands in double quotes.`,
      params: { [name]: 'takes JSON, for example {"key": 1}; text stands in double quotes' },
    })
  return found
}

/** `today` and `yesterday` are those of the schedule's zone; they are resolved before any identity is made. */
function parseDayWord(value: string, timeZone: string): string {
  const shift = { today: 0, yesterday: -1 }[value]
  return shift === undefined ? value : formatDayInZone(timeZone, Date.now(), shift)
}
