import { useRef } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { makePath, writeQuery } from '../api.ts'
import { Name, Status } from '../parts.tsx'
import { useWindow } from '../virtual.ts'
import type { ShownGraph, Subject } from './graph-model.ts'

const ROW_HEIGHT = 36

/** The page of a task, or the graph of a family. */
export const makeSubjectPath = (run: string, subject: Subject): string =>
  'task' in subject
    ? makePath('runs', run, 'tasks', subject.task)
    : `${makePath('runs', run, 'graph')}${writeQuery({ family: subject.family })}`

/** The nodes of the drawing as a table, of which only rows in sight are drawn. */
export function NodeList({ run, shown }: { run: string; shown: ShownGraph }) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useWindow(scroller, {
    count: shown.nodes.length,
    height: ROW_HEIGHT,
    key: (index) => shown.nodes[index]?.key ?? index,
  })
  return (
    <div class="window nodes" ref={scroller} role="region" aria-label="Nodes of the graph" tabIndex={0}>
      <div class="tall" role="table" aria-label="Nodes" aria-rowcount={shown.nodes.length + 1}>
        <div role="row" class="task node head" aria-rowindex={1}>
          <span role="columnheader">Status</span>
          <span role="columnheader">Name</span>
          <span role="columnheader">
            {shown.subjects.some((each) => 'task' in each) ? 'Around' : 'Tasks'}
          </span>
        </div>
        <div role="rowgroup" class="tall" style={{ height: `${rows.getTotalSize()}px` }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const [node, subject] = [shown.nodes[index], shown.subjects[index]]
            if (node === undefined || subject === undefined) return null
            return (
              <div
                role="row"
                class="task node"
                key={node.key}
                style={{ transform: `translateY(${start}px)` }}
                aria-rowindex={index + 2}
              >
                <span role="cell">
                  <Status status={node.status} />
                </span>
                <span role="cell" class="cut">
                  <Link href={makeSubjectPath(run, subject)} data-row title={`${node.title}: ${node.note}`}>
                    <Name text={node.title} />
                  </Link>
                </span>
                <span role="cell" class="number">
                  {'task' in subject ? (
                    <Link
                      href={`${makePath('runs', run, 'graph')}${writeQuery({ task: subject.task })}`}
                      aria-label={`graph around ${node.title}`}
                    >
                      graph
                    </Link>
                  ) : (
                    (node.counts ?? []).reduce((sum, [, count]) => sum + count, 0).toLocaleString('en')
                  )}
                </span>
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}
