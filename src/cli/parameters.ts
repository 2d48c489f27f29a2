import { type Command, InvalidArgumentError, Option } from 'commander'
import type { z } from 'zod'
import { listFieldChoices } from '../define/fields.ts'
import { toFlagName } from '../define/flags.ts'
import { type Fields, findParameterKind, isSignificantField } from '../define/params.ts'
import { PARAMETERS } from './help.ts'

/** Adds a flag for each parameter, but for those that the command has itself, and `-p name=value`. */
export function addParameterFlags(command: Command, fields: Fields): void {
  for (const [name, field] of Object.entries(fields)) {
    const kind = findParameterKind(field)
    const flag = `--${toFlagName(name)}`
    if (command.options.some(({ long }) => long === flag)) continue
    const help = [field.description ?? '', describeFlag(field)].filter(Boolean).join('; ')
    const flags =
      kind === 'boolean'
        ? [new Option(flag, help), new Option(`--no-${toFlagName(name)}`)]
        : [new Option(`${flag} <${kind}>`, help).argParser(onlyOnce)]
    for (const each of flags) command.addOption(each.helpGroup(PARAMETERS))
  }
  const byName = new Option('-p, --param <name=value>', 'a parameter by its name, may be repeated').argParser(
    (each: string, before: string[] | undefined) => [...(before ?? []), each],
  )
  command.addOption(byName.helpGroup(PARAMETERS))
}

function onlyOnce(text: string, before: unknown): string {
  if (before !== undefined) throw new InvalidArgumentError(`It is given twice: ${before} and ${text}.`)
  return text
}

function describeFlag(field: z.ZodType): string {
  const isRequired = !field.safeParse(undefined).success
  const parts = [
    isRequired ? 'required' : '',
    listFieldChoices(field).join(' | '),
    isSignificantField(field) ? '' : 'insignificant',
  ]
  const { defaultValue } = (field as unknown as { _zod: { def: { defaultValue?: unknown } } })._zod.def
  if (defaultValue !== undefined) parts.push(`default ${JSON.stringify(defaultValue)}`)
  return parts.filter(Boolean).join('; ')
}
