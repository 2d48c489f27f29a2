import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { History, PipelineList } from '../../src/control/control.ts'
import { type ApiProblem, askApi, makePath, writeQuery } from '../api.ts'
import { formatCount } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Empty, Facts, Instant, Name, Problem, toProblem, Unread } from '../parts.tsx'
import { mayAct } from '../server.tsx'
import { Grid } from './grid.tsx'
import { findKnownZone } from './grid-headings.ts'
import { findSlow, makeColumns } from './history-model.ts'
import { PauseButton } from './overview.tsx'

type Pipeline = PipelineList['pipelines'][number]

const PAGE = 100
const EVERY_MS = 5_000

/** A pipeline: the history of its runs as a grid, what is slow, its schedule and its parameters. */
export function PipelinePage({ name }: { name: string }) {
  const { data, problem, reload } = useLoaded(
    name,
    async (signal) => {
      const [{ pipelines }, history] = await Promise.all([
        askApi<PipelineList>('/pipelines', { signal }),
        askApi<History>(`${makePath('pipelines', name)}/history`, { query: { limit: PAGE }, signal }),
      ])
      return { pipeline: pipelines.find((each) => each.name === name), history }
    },
    EVERY_MS,
  )
  if (data === undefined) return <Unread problem={problem} />
  const { pipeline, history } = data
  if (pipeline === undefined && history.found === 0)
    return (
      <Empty title="There is no such pipeline.">
        <Link href="/">The overview</Link> lists all of them.
      </Empty>
    )
  return (
    <>
      <div class="pagehead">
        <div>
          <p class="crumbs">
            <Link href="/">Overview</Link> / Pipeline
          </p>
          <h1>
            <Name text={name} />
          </h1>
        </div>
        <div class="buttons">
          {pipeline && (
            <Link class="button main" href={makePath('pipelines', name, 'start')}>
              {mayAct() ? 'Start a run' : 'Plan a run'}
            </Link>
          )}
          <Link class="button" href={`/runs${writeQuery({ pipeline: name })}`}>
            Runs
          </Link>
          {pipeline?.schedule && mayAct() && (
            <Link class="button" href={makePath('pipelines', name, 'backfill')}>
              Backfill
            </Link>
          )}
          {pipeline?.schedule && (
            <PauseButton name={name} isPaused={pipeline.schedule.paused} onDone={reload} />
          )}
        </div>
      </div>
      <Problem problem={problem} />
      {pipeline && <Definition pipeline={pipeline} />}
      <HistoryView name={name} history={history} timeZone={pipeline?.schedule?.timeZone} />
      {pipeline && <Parameters pipeline={pipeline} />}
    </>
  )
}

function Definition({ pipeline: { description, root, source, schedule } }: { pipeline: Pipeline }) {
  return (
    <>
      {description && (
        <p>
          <Name text={description} />
        </p>
      )}
      <Facts
        rows={[
          ['Root task', <Name key="root" text={root} />],
          [
            'Defined in',
            source === null ? (
              <span class="soft">—</span>
            ) : (
              <code key="source">
                <Name text={source} />
              </code>
            ),
          ],
          [
            'Schedule',
            schedule === null ? (
              <span class="soft">none</span>
            ) : (
              <span key="schedule">
                <code>{schedule.cron}</code> {schedule.timeZone}
              </span>
            ),
          ],
          ...(schedule === null
            ? []
            : [
                [
                  schedule.paused ? 'Paused, would fire' : 'Fires next',
                  <Instant key="next" at={schedule.nextAt} />,
                ] as [string, never],
              ]),
        ]}
      />
      {schedule?.problem && (
        <p class="bad">
          <Name text={schedule.problem} />
        </p>
      )}
    </>
  )
}

/** The grid of the newest runs; older ones come when they are asked for. */
function HistoryView({
  name,
  history,
  timeZone,
}: {
  name: string
  history: History
  timeZone: string | undefined
}) {
  const zone = findKnownZone(timeZone)
  const [older, setOlder] = useState<History>()
  const [problem, setProblem] = useState<ApiProblem>()
  const next = older === undefined ? history.next : older.next
  const load = async () => {
    try {
      const query = { limit: PAGE, cursor: next ?? undefined }
      const page = await askApi<History>(`${makePath('pipelines', name)}/history`, { query })
      setOlder({ ...page, runs: [...(older?.runs ?? []), ...page.runs] })
      setProblem(undefined)
    } catch (error) {
      setProblem(toProblem(error))
    }
  }
  const seen = new Set(history.runs.map(({ run }) => run))
  const runs = [...history.runs, ...(older?.runs ?? []).filter(({ run }) => !seen.has(run))]
  const columns = makeColumns(runs)
  const slow = findSlow(columns)
  return (
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      <Problem problem={problem} />
      {columns.length === 0 ? (
        <Empty title="It has not run yet.">
          <Link href={makePath('pipelines', name, 'start')}>Start a run</Link>; its runs appear here.
        </Empty>
      ) : (
        <>
          {slow.length > 0 && (
            <ul class="slow" aria-label="Slower than usual">
              {slow.map(({ what, text }) => (
                <li key={what}>
                  <strong>
                    <Name text={what} />
                  </strong>{' '}
                  was slower than usual: {text}
                </li>
              ))}
            </ul>
          )}
          <Grid columns={columns} timeZone={timeZone} />
          <div class="bar">
            <p class="soft" role="status">
              {formatCount(runs.length, 'run')} of {history.found.toLocaleString('en')}
              {zone !== undefined && zone !== findKnownZone(undefined) && `, by the clock of ${zone}`}
            </p>
            {next !== null && (
              <button type="button" onClick={load}>
                Older runs
              </button>
            )}
          </div>
        </>
      )}
    </section>
  )
}

function Parameters({ pipeline: { params } }: { pipeline: Pipeline }) {
  return (
    <section aria-labelledby="parameters">
      <h2 id="parameters">Parameters</h2>
      {params.length === 0 ? (
        <p class="soft">It has none.</p>
      ) : (
        <table class="rows" aria-label="Parameters">
          <thead>
            <tr>
              <th>Name</th>
              <th>Kind</th>
              <th>Flag</th>
              <th class="wide">Needed</th>
              <th class="wide">Part of a task's identity</th>
            </tr>
          </thead>
          <tbody>
            {params.map(({ name, kind, flag, required, significant }) => (
              <tr key={name}>
                <td>
                  <Name text={name} />
                </td>
                <td>
                  <Name text={kind} />
                </td>
                <td>
                  <code>
                    <Name text={flag} />
                  </code>
                </td>
                <td class="wide">{required ? 'yes' : 'no'}</td>
                <td class="wide">{significant ? 'yes' : 'no'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
