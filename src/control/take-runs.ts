/**
 * Moves runs from an iterable into a set as long as it has fewer than `places`. The iterable is asked for its next run
 * only then, because asking may open one.
 */
export function makeRunTaker(
  runs: Iterable<string> | AsyncIterable<string>,
): (
  active: Set<string>,
  placesFor: (active: ReadonlySet<string>) => number | Promise<number>,
) => Promise<void> {
  const iterator = Symbol.asyncIterator in runs ? runs[Symbol.asyncIterator]() : runs[Symbol.iterator]()
  let isMore = true
  return async (active, placesFor) => {
    const places = isMore ? await placesFor(active) : 0
    while (isMore && active.size < places) {
      const { done, value } = await iterator.next()
      if (done) isMore = false
      else active.add(value)
    }
  }
}
