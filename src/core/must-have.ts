/**
 * A value that the code before has made sure of. Throws a TypeError if it is absent: a defect of Sluice, told by its name, which
 * ends the run that it is met in and not the engine.
 */
export function mustHave<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`internal: there is no ${what}`)
  return value
}
