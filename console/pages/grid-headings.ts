/** Neighbouring columns under one heading. */
export interface Heading {
  label: string
  count: number
}

/** Two rows of headings over the columns of a grid. */
interface Headings {
  outer: Heading[]
  /** What the labels of the inner row are. */
  unit: 'Hour' | 'Day' | 'Month'
  inner: Heading[]
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The browser's own zone stands in for one that it does not know. */
export function findKnownZone(timeZone: string | undefined): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

/**
 * Headings of columns, oldest first: days with hours, months with days, or years with months, by how far columns usually are
 * from each other, in the zone of the schedule, whose days they are. Labels of the inner row have two digits at most, so they fit over a
 * single column.
 */
export function makeHeadings(instants: number[], zone?: string): Headings {
  const timeZone = findKnownZone(zone)
  const inWords = (parts: Intl.DateTimeFormatOptions): Labelling => {
    const format = new Intl.DateTimeFormat('en-GB', { ...parts, timeZone })
    return (at) => format.format(at)
  }
  const gaps = instants.slice(1).map((at, index) => at - (instants[index] ?? at))
  const usual = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? DAY
  if (usual < DAY / 2) {
    const hour = inWords({ hour: '2-digit', hourCycle: 'h23' })
    const day = inWords({ day: 'numeric', month: 'short', year: 'numeric' })
    return makeRows(instants, 'Hour', day, (at) => String(Number(hour(at))))
  }
  if (usual < 20 * DAY)
    return makeRows(
      instants,
      'Day',
      inWords({ month: 'short', year: 'numeric' }),
      inWords({ day: 'numeric' }),
    )
  return makeRows(instants, 'Month', inWords({ year: 'numeric' }), inWords({ month: 'numeric' }))
}

type Labelling = (at: number) => string

function makeRows(
  instants: number[],
  unit: Headings['unit'],
  outerOf: Labelling,
  innerOf: Labelling,
): Headings {
  return {
    outer: groupNeighbours(instants, outerOf, outerOf),
    unit,
    inner: groupNeighbours(instants, (at) => `${outerOf(at)} ${innerOf(at)}`, innerOf),
  }
}

function groupNeighbours(instants: number[], keyOf: Labelling, labelOf: Labelling): Heading[] {
  const groups: (Heading & { key: string })[] = []
  for (const at of instants) {
    const [last, key] = [groups.at(-1), keyOf(at)]
    if (last?.key === key) last.count += 1
    else groups.push({ key, label: labelOf(at), count: 1 })
  }
  return groups.map(({ label, count }) => ({ label, count }))
}
