/** Those that have a key in common, a group for each key, in order; without a group for each of those that have not. */
export function groupByRepeatedKey<T>(
  all: Iterable<T>,
  keyOf: (each: T) => string,
): [key: string, group: T[]][] {
  const firsts = new Map<string, T>()
  const groups = new Map<string, T[]>()
  for (const each of all) {
    const key = keyOf(each)
    const first = firsts.get(key)
    const group = groups.get(key)
    if (first === undefined) firsts.set(key, each)
    else if (group === undefined) groups.set(key, [first, each])
    else group.push(each)
  }
  return [...groups]
}
