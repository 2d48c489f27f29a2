import type { ComponentChildren } from 'preact'
import { Link } from 'wouter-preact'
import type { RunShape } from '../../src/control/control.ts'
import { makePath } from '../api.ts'
import { Name, Status } from '../parts.tsx'

const PAGES = [
  ['run', 'Tasks', ''],
  ['graph', 'Graph', '/graph'],
  ['timeline', 'Timeline', '/timeline'],
] as const

interface RunHeadProps {
  run: RunShape
  page: (typeof PAGES)[number][0]
  /** Acts of the page. */
  children?: ComponentChildren
}

/** The head of every page of a run: its name, and the ways to its other pages. */
export const RunHead = ({ run, page, children }: RunHeadProps) => (
  <>
    <div class="pagehead">
      <div>
        <p class="crumbs">
          <Link href="/runs">Runs</Link> / <Name text={run.name} />
        </p>
        <h1>
          <Name text={run.run} />
        </h1>
      </div>
      <div class="buttons">{children ?? <Status status={run.status} />}</div>
    </div>
    <nav class="tabs pages" aria-label="Pages of the run">
      {PAGES.map(([name, title, end]) => (
        <Link
          key={name}
          href={`${makePath('runs', run.run)}${end}`}
          aria-current={name === page ? 'page' : undefined}
        >
          {title}
        </Link>
      ))}
    </nav>
  </>
)
