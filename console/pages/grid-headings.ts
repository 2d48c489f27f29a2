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

const inWords = (parts: Intl.DateTimeFormatOptions) => {
  const format = new Intl.DateTimeFormat('en-GB', parts)
  return (at: number) => format.format(at)
}
const hourOf = (at: number) => String(new Date(at).getHours())
const dayOf = inWords({ day: 'numeric', month: 'short', year: 'numeric' })
const dayOfMonth = inWords({ day: 'numeric' })
const monthOf = inWords({ month: 'short', year: 'numeric' })
const monthOfYear = inWords({ month: 'numeric' })
const yearOf = inWords({ year: 'numeric' })

/**
 * Headings of columns, oldest first: days with hours, months with days, or years with months, by how far columns usually are
 * from each other. Labels of the inner row have two digits at most, so they fit over a single column.
 */
export function makeHeadings(instants: number[]): Headings {
  const gaps = instants.slice(1).map((at, index) => at - (instants[index] ?? at))
  const usual = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? DAY
  if (usual < DAY / 2) return makeRows(instants, 'Hour', dayOf, hourOf)
  if (usual < 20 * DAY) return makeRows(instants, 'Day', monthOf, dayOfMonth)
  return makeRows(instants, 'Month', yearOf, monthOfYear)
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
