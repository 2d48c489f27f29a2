import { useLayoutEffect, useRef } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { makePath, writeQuery } from '../api.ts'
import { formatCount, formatInstant, formatTook } from '../format.ts'
import { Name, Shape } from '../parts.tsx'
import { findLeadingStatus, sortCounts } from '../shapes.ts'
import { type Heading, makeHeadings } from './grid-headings.ts'
import { type Column, listFamilies } from './history-model.ts'

/** Intervals from left to right, task families from top to bottom: what became of each, and how long runs took. */
export function Grid({ columns, timeZone }: { columns: Column[]; timeZone: string | undefined }) {
  const scroller = useRef<HTMLDivElement>(null)
  const families = listFamilies(columns)
  const headings = makeHeadings(
    columns.map(({ at }) => at),
    timeZone,
  )
  const longest = Math.max(1, ...columns.map(({ tookMs }) => tookMs ?? 0))
  // The newest are at the right.
  useLayoutEffect(() => {
    const { current } = scroller
    if (current !== null) current.scrollLeft = current.scrollWidth
  }, [columns.length])
  // Labels of days stay beside the names of the rows while the columns move.
  useLayoutEffect(() => {
    const names = scroller.current?.querySelector<HTMLElement>('th[scope=row]')
    scroller.current?.style.setProperty('--names', `${names?.offsetWidth ?? 0}px`)
  })
  return (
    <div class="gridbox" ref={scroller} role="region" aria-label="Grid of runs" tabIndex={0}>
      <table class="grid" aria-label="Runs by interval and task family">
        <thead>
          <tr>
            <td />
            {headings.outer.map((heading, index, { length }) => (
              <th key={`${heading.label} ${index}`} colSpan={heading.count} scope="colgroup" class="day">
                <span class={fitLabel(heading, index === length - 1)}>{heading.label}</span>
              </th>
            ))}
          </tr>
          <tr>
            <th scope="row">{headings.unit}</th>
            {headings.inner.map(({ label, count }, index) => (
              <th key={index} colSpan={count} scope="colgroup" class="unit">
                {label}
              </th>
            ))}
          </tr>
          <tr>
            <th scope="row">Took</th>
            {columns.map(({ run, tookMs }) => (
              <td key={run.run} class="took" title={tookMs === null ? 'runs' : formatTook(tookMs)}>
                <span style={{ height: `${Math.max(2, (36 * (tookMs ?? 0)) / longest)}px` }} />
              </td>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Run</th>
            {columns.map((column) => (
              <td key={column.run.run}>
                <Link
                  href={makePath('runs', column.run.run)}
                  aria-label={describeColumn(column)}
                  title={describeColumn(column)}
                  data-row
                >
                  <Shape status={column.run.status} />
                </Link>
              </td>
            ))}
          </tr>
          {families.map((family) => (
            <tr key={family}>
              <th scope="row" title={family}>
                <Name text={family} />
              </th>
              {columns.map(({ run }) => (
                <Cell key={run.run} run={run} family={family} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function describeColumn({ run, at, runs, tookMs }: Column): string {
  const took = tookMs === null ? '' : `, took ${formatTook(tookMs)}`
  return `${formatInstant(at)}: ${run.status}${took}${runs > 1 ? `, ${formatCount(runs, 'run')}` : ''}`
}

function Cell({ run, family }: { run: Column['run']; family: string }) {
  const found = run.families.find((each) => each.family === family)
  if (found === undefined) return <td />
  const status = findLeadingStatus(found.counts)
  const text = `${family}: ${sortCounts(found.counts)
    .map(([each, count]) => `${count.toLocaleString('en')} ${each.replaceAll('_', ' ')}`)
    .join(', ')}${found.ran > 0 ? `; ${formatTook(found.ranMs / found.ran)} each` : ''}`
  return (
    <td>
      <Link
        href={`${makePath('runs', run.run, 'graph')}${writeQuery({ family })}`}
        class={`cell s-${status}`}
        aria-label={text}
        title={text}
      >
        <Shape status={status} />
      </Link>
    </td>
  )
}

/** About, in pixels. */
const COLUMN = 22
const SIGN = 7
const PADDING = 8

/** A label that is wider than its columns is left to screen readers, or hangs over where nothing follows. */
const fitLabel = ({ label, count }: Heading, isLast: boolean): string =>
  count * COLUMN >= label.length * SIGN + PADDING ? '' : isLast ? 'over' : 'unseen'
