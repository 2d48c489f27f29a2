/**
 * What a thing holds of the value that is followed: all of it, or some members. `*` are the members that are not named;
 * a member that is undefined holds nothing of it.
 */
export type Held = true | ReadonlyMap<string, Held | undefined>

/** How deep members are told apart: `asked.request.params`. What is held deeper in a new object is a part of a tool. */
const DEPTH = 3

/** What a new object holds that has these members. */
export function heldByObject(members: ReadonlyMap<string, Held | undefined>): Held | undefined {
  const cut = new Map<string, Held | undefined>()
  for (const [name, held] of members) cut.set(name, cutAt(held, DEPTH - 1))
  return [...cut.values()].some((held) => held !== undefined) ? cut : undefined
}

function cutAt(held: Held | undefined, depth: number): Held | undefined {
  if (held === undefined || held === true) return held
  if (depth === 0) return undefined
  const cut = new Map([...held].map(([name, each]) => [name, cutAt(each, depth - 1)]))
  return [...cut.values()].some((each) => each !== undefined) ? cut : undefined
}

/** What a member of a thing holds. */
export function memberOf(held: Held | undefined, name: string): Held | undefined {
  if (held === undefined || held === true) return held
  return held.has(name) ? held.get(name) : held.get('*')
}

/** What a thing holds that is one or the other. */
export function either(one: Held | undefined, other: Held | undefined): Held | undefined {
  if (one === undefined || one === other) return other
  if (other === undefined) return one
  if (one === true || other === true) return true
  const names = new Set([...one.keys(), ...other.keys()])
  return new Map([...names].map((name) => [name, either(memberOf(one, name), memberOf(other, name))]))
}

/** The same text for what holds the same. */
export function describeHeld(held: Held | undefined): string {
  if (held === undefined) return '-'
  if (held === true) return '+'
  const members = [...held].map(([name, each]) => `${name}${describeHeld(each)}`)
  return `{${members.sort().join()}}`
}
