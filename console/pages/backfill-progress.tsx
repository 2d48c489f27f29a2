import { useEffect, useRef } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { makePath, writeQuery } from '../api.ts'
import { formatCount } from '../format.ts'
import { Facts, Name, Problem } from '../parts.tsx'
import { type Backfill, backfills, isStarting, startBackfill, stopBackfill } from './backfill-work.ts'

/** Says on every page which backfills this tab still starts runs of. */
export const BackfillsUnderWay = () => (
  <>
    {[...backfills.value.values()].filter(isStarting).map(({ pipeline, asked, done, all }) => (
      <Link
        key={pipeline}
        class="underway"
        href={makePath('pipelines', pipeline, 'backfill') + writeQuery({ ...asked })}
      >
        Backfill <Name text={pipeline} />: {done.toLocaleString('en')} of {all.toLocaleString('en')}
      </Link>
    ))}
  </>
)

/** How far a backfill has come, and what follows from closing the page. */
export function BackfillProgress({ backfill }: { backfill: Backfill }) {
  const heading = useRef<HTMLHeadingElement>(null)
  // The button that was pressed may be gone, and the focus with it.
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus()
  }, [backfill.phase])
  const { pipeline, asked, phase, all, done, started, joined, complete, open, failed, at, problem } = backfill
  return (
    <section aria-labelledby="progress" class="backfill">
      <h2 id="progress" ref={heading} tabIndex={-1}>
        <Name text={asked.from} /> to <Name text={asked.to} />: {done.toLocaleString('en')} of{' '}
        {formatCount(all, 'interval')}
      </h2>
      <progress aria-labelledby="progress" max={Math.max(1, all)} value={done} />
      {problem !== undefined && at !== '' && (
        <p class="bad">
          {phase === 'stopped' ? 'It stopped at' : 'It is tried again at'} <Name text={at} />.
        </p>
      )}
      <Problem problem={problem} />
      <p role="status">{describePhase(backfill)}</p>
      <Facts
        rows={[
          ['Started', started.toLocaleString('en')],
          ['Had an open run', joined.toLocaleString('en')],
          ['Were complete', complete.toLocaleString('en')],
          ['Open now', open.toLocaleString('en')],
          ['Did not succeed', failed > 0 ? <strong class="bad">{failed.toLocaleString('en')}</strong> : '0'],
        ]}
      />
      <div class="buttons">
        {phase === 'starts' && (
          <button type="button" onClick={() => stopBackfill(pipeline)}>
            Stop
          </button>
        )}
        {phase === 'stopped' && (
          <button type="button" class="main" onClick={() => startBackfill(pipeline, asked)}>
            Go on
          </button>
        )}
        <Link class="button" href={makePath('pipelines', pipeline)}>
          Show the grid
        </Link>
        {failed > 0 && (
          <Link class="button" href={`/runs${writeQuery({ pipeline, status: 'failed' })}`}>
            Failed runs
          </Link>
        )}
      </div>
    </section>
  )
}

function describePhase({ phase, failed, open }: Backfill): string {
  switch (phase) {
    case 'starts':
      return 'Keep this tab open: it starts the next run when one has ended. You may look at other pages meanwhile. If you close it, the runs that are started go on, and the same span goes on later where it stopped.'
    case 'follows':
      return `Every interval has its run. You may close this tab: ${formatCount(open, 'run')} still ${open === 1 ? 'goes' : 'go'} on.`
    case 'stopped':
      return 'No more runs are started; those that are started go on.'
    case 'ended':
      return failed > 0
        ? `${formatCount(failed, 'run')} did not succeed: start the same span again to run ${failed === 1 ? 'it' : 'them'} again.`
        : 'Done: every interval is complete, or its run has succeeded.'
  }
}
