import { useState } from 'preact/hooks'
import { Link, useSearchParams } from 'wouter-preact'
import type { RunPage, RunShape } from '../../src/control/control.ts'
import { type ApiProblem, askApi, makePath } from '../api.ts'
import { now } from '../clock.ts'
import { FilterField } from '../filter-field.tsx'
import { formatCount, formatTook } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Empty, Instant, Name, Problem, Status, toProblem, Values } from '../parts.tsx'
import { RunsSelection } from './runs-selection.tsx'

const STATUSES = ['planning', 'running', 'succeeded', 'failed', 'cancelled']
const PAGE = 50
const EVERY_MS = 3_000
const DAY_MS = 24 * 3_600_000

/** All runs, the newest first, with filters that are in the URL. */
export function RunsPage() {
  const [search, setSearch] = useSearchParams()
  const pipeline = search.get('pipeline') ?? ''
  const status = search.get('status') ?? ''
  const days = search.get('days') ?? ''
  const where = search.get('where') ?? ''
  const set = (name: string, value: string) =>
    setSearch((old) => {
      const next = new URLSearchParams(old)
      if (value === '') next.delete(name)
      else next.set(name, value)
      return next
    })
  const since = Number(days) > 0 ? now() - Number(days) * DAY_MS : undefined
  const key = `${pipeline}\n${status}\n${days}`
  const query = { pipeline, statuses: status, since, limit: PAGE }
  // While older ones are shown the newest stay as they are, so that no run falls between the two.
  const [olderOf, showOlder] = useState<string>()
  const { data, problem } = useLoaded(
    key,
    (signal) => askApi<RunPage>('/runs', { query, signal }),
    olderOf === key ? 0 : EVERY_MS,
  )
  const isFiltered = key !== '\n\n'
  return (
    <>
      <h1>Runs</h1>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <FilterField
          label="Tasks of the newest runs"
          value={where}
          placeholder="pipeline=visits,sales status=failed"
          isWide
          set={(value) => set('where', value)}
        />
        <FilterField
          label="Pipeline"
          value={pipeline}
          placeholder="whole name"
          disabled={where !== ''}
          isSearch
          set={(value) => set('pipeline', value)}
        />
        <label>
          Status
          <select
            value={status}
            disabled={where !== ''}
            onChange={(event) => set('status', event.currentTarget.value)}
          >
            <option value="">all</option>
            {STATUSES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Opened
          <select
            value={days}
            disabled={where !== ''}
            onChange={(event) => set('days', event.currentTarget.value)}
          >
            <option value="">at any time</option>
            <option value="1">in the last day</option>
            <option value="7">in the last 7 days</option>
            <option value="30">in the last 30 days</option>
          </select>
        </label>
      </form>
      {where !== '' ? (
        <RunsSelection key={where} where={where} />
      ) : (
        <>
          <Problem problem={problem} />
          {data && (
            <p class="soft" role="status">
              {formatCount(data.found, 'run')}
              {isFiltered && ` of ${data.all.toLocaleString('en')}`}
            </p>
          )}
          {data?.runs.length === 0 &&
            (isFiltered ? (
              <Empty title="No run is like this.">Widen the filters above.</Empty>
            ) : (
              <Empty title="No run yet.">
                Start one with <code>sluice run PIPELINE</code> beside <code>sluice dev</code>.
              </Empty>
            ))}
          {data && data.runs.length > 0 && <RunRows runs={data.runs} label="Runs" />}
          {data?.next && <OlderRuns key={key} query={query} from={data.next} onOpen={() => showOlder(key)} />}
        </>
      )}
    </>
  )
}

/** Pages of older runs, each asked for with a button; they do not change by themselves. */
function OlderRuns({ query, from, onOpen }: { query: object; from: string; onOpen(): void }) {
  const [runs, setRuns] = useState<RunShape[]>([])
  // The cursor of the newest page, until older ones are shown.
  const [own, setNext] = useState<string | null>()
  const next = own === undefined ? from : own
  const [problem, setProblem] = useState<ApiProblem>()
  const load = async () => {
    onOpen()
    try {
      const page = await askApi<RunPage>('/runs', { query: { ...query, cursor: next ?? '' } })
      setRuns([...runs, ...page.runs])
      setNext(page.next)
    } catch (error) {
      setProblem(toProblem(error))
    }
  }
  return (
    <>
      {runs.length > 0 && <RunRows runs={runs} label="Older runs" />}
      <Problem problem={problem} />
      {next !== null && (
        <button type="button" class="more" onClick={load}>
          Older runs
        </button>
      )}
    </>
  )
}

/** Rows of runs. */
export const RunRows = ({ runs, label }: { runs: RunShape[]; label: string }) => (
  <table class="rows" aria-label={label}>
    <thead>
      <tr>
        <th scope="col">Status</th>
        <th scope="col">Run</th>
        <th scope="col" class="wide">
          Parameters
        </th>
        <th scope="col">Opened</th>
        <th scope="col" class="number">
          Took
        </th>
        <th scope="col" class="number wide">
          Tasks
        </th>
      </tr>
    </thead>
    <tbody>
      {runs.map((run) => (
        <tr key={run.run}>
          <td>
            <Status status={run.status} />
          </td>
          <td>
            <Link href={makePath('runs', run.run)} data-row>
              <Name text={run.run} />
            </Link>
          </td>
          <td class="wide cut">
            <Values values={run.params} />
          </td>
          <td>
            <Instant at={run.createdAt} isShort />
          </td>
          <td class="number">{formatTook((run.endedAt ?? now()) - run.createdAt)}</td>
          <td class="number wide">{run.tasks.toLocaleString('en')}</td>
        </tr>
      ))}
    </tbody>
  </table>
)
