/** A value that the code before has made sure of. Throws where it is absent: a defect of Sluice, told by its name. */
export function mustHave<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`internal: there is no ${what}`)
  return value
}
