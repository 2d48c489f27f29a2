/** Flags of the command that a parameter's flag may not be called. */
export const BUILT_IN_FLAGS: ReadonlySet<string> = new Set([
  'concurrency',
  'config',
  'data',
  'env',
  'force',
  'help',
  'inline',
  'json',
  'param',
  'plan',
  'state',
  'version',
  'wait',
])

/** The flag of a parameter: camelCase becomes kebab-case. */
export function toFlagName(parameter: string): string {
  return parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
