/** Flags of the command that a parameter's flag may not be called. */
export const BUILT_IN_FLAGS: ReadonlySet<string> = new Set([
  'concurrency',
  'config',
  'data',
  'env',
  'force',
  'from',
  'help',
  'inline',
  'json',
  'max-active-runs',
  'param',
  'plan',
  'state',
  'to',
  'version',
  'wait',
  'yes',
])

/** The flag of a parameter: camelCase becomes kebab-case. */
export function flagOf(parameter: string): string {
  return parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
