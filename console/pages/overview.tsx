import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { PipelineList, RunPage, RunShape } from '../../src/control/control.ts'
import { type ApiProblem, askApi, makePath } from '../api.ts'
import { formatCount, formatInstant } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Empty, Instant, Name, Problem, Shape, toProblem, Unread } from '../parts.tsx'
import { mayAct } from '../server.tsx'
import { RunRows } from './runs.tsx'
import { TightLimits } from './tight-limits.tsx'

type Pipeline = PipelineList['pipelines'][number]

/** So many of the newest runs are looked at for the strips. */
const NEWEST = 300
const STRIP = 24
const EVERY_MS = 3_000

/** The start: pipelines with their last runs, and what has failed. */
export function OverviewPage() {
  const { data, problem, reload } = useLoaded(
    'overview',
    async (signal) => {
      const [{ pipelines, broken }, page] = await Promise.all([
        askApi<PipelineList>('/pipelines', { signal }),
        askApi<RunPage>('/runs', { query: { limit: NEWEST }, signal }),
      ])
      return { pipelines, broken, runs: page.runs, all: page.all }
    },
    EVERY_MS,
  )
  if (data === undefined) return <Unread problem={problem} />
  const { pipelines, broken, runs, all } = data
  const failures = listOpenFailures(runs)
  return (
    <>
      <Problem problem={problem} />
      <h1>Overview</h1>
      {broken.map(({ path, message }) => (
        <div class="problem" role="alert" key={path}>
          <strong>
            <Name text={path} /> cannot be used
          </strong>
          <pre>
            <Name text={message} />
          </pre>
        </div>
      ))}
      <section aria-labelledby="pipelines">
        <h2 id="pipelines">Pipelines</h2>
        {pipelines.length === 0 && (
          <Empty title="No pipeline is defined yet.">
            Write one in your project, as docs/tutorial.md shows; it appears here after{' '}
            <code>sluice dev</code> has started again, or <code>sluice deploy</code> has put it there.
          </Empty>
        )}
        <ul class="cards">
          {pipelines.map((pipeline) => (
            <PipelineCard
              key={pipeline.name}
              pipeline={pipeline}
              runs={runs.filter(({ name }) => name === pipeline.name).slice(0, STRIP)}
              isCut={all > NEWEST}
              onDone={reload}
            />
          ))}
        </ul>
      </section>
      <TightLimits />
      <section aria-labelledby="failures">
        <h2 id="failures">Open failures</h2>
        {failures.length > 0 ? (
          <RunRows runs={failures} label="Open failures" />
        ) : (
          <p class="soft">
            {runs.length === 0
              ? 'No run yet. Start one of a pipeline above.'
              : `Of the newest ${formatCount(runs.length, 'run')}, none failed without a later one that went well.`}
          </p>
        )}
      </section>
    </>
  )
}

/** The newest run of each request, if it failed: what came later has not repaired it. */
function listOpenFailures(runs: RunShape[]): RunShape[] {
  const seen = new Set<string>()
  return runs.filter(({ name, params, status }) => {
    const request = JSON.stringify([name, params])
    if (seen.has(request)) return false
    seen.add(request)
    return status === 'failed'
  })
}

interface CardProps {
  pipeline: Pipeline
  runs: RunShape[]
  isCut: boolean
  onDone(): void
}

function PipelineCard({ pipeline, runs, isCut, onDone }: CardProps) {
  const { name, description, schedule } = pipeline
  return (
    <li class="card">
      <div class="cardhead">
        <h3>
          <Link href={makePath('pipelines', name)}>
            <Name text={name} />
          </Link>
        </h3>
        <div class="buttons">
          <StartLink name={name} />
          {schedule && <PauseButton name={name} isPaused={schedule.paused} onDone={onDone} />}
        </div>
      </div>
      {description && (
        <p class="soft">
          <Name text={description} />
        </p>
      )}
      {runs.length > 0 ? (
        <ol class="strip" aria-label={`Last runs of ${name}, the newest on the right`}>
          {runs.toReversed().map(({ run, status, createdAt }) => (
            <li key={run}>
              <Link
                href={makePath('runs', run)}
                aria-label={`${status}, ${formatInstant(createdAt)}`}
                title={`${status}, ${formatInstant(createdAt)}`}
              >
                <Shape status={status} />
              </Link>
            </li>
          ))}
        </ol>
      ) : (
        <p class="soft">{isCut ? `None of the newest ${NEWEST} runs is of it.` : 'No run yet.'}</p>
      )}
      {schedule ? (
        <p class="soft">
          {schedule.paused ? 'Paused, would fire' : 'Next'} <Instant at={schedule.nextAt} isShort /> ·{' '}
          <Name text={schedule.cron} /> {schedule.timeZone}
          {schedule.open > 0 && ` · ${formatCount(schedule.open, 'interval')} not done`}
          {schedule.givenUp > 0 && ` · ${schedule.givenUp} given up`}
        </p>
      ) : (
        <p class="soft">No schedule</p>
      )}
      {schedule?.problem && (
        <p class="bad">
          <Name text={schedule.problem} />
        </p>
      )}
    </li>
  )
}

/** Leads to the form of a pipeline: to start a run, or only to see its plan. */
function StartLink({ name }: { name: string }) {
  const verb = mayAct() ? 'Start' : 'Plan'
  return (
    <Link class="button" href={makePath('pipelines', name, 'start')} aria-label={`${verb} ${name}`}>
      {verb}
    </Link>
  )
}

/** Pauses or resumes the schedule of a pipeline. */
export function PauseButton({ name, isPaused, onDone }: { name: string; isPaused: boolean; onDone(): void }) {
  const [problem, setProblem] = useState<ApiProblem>()
  if (!mayAct()) return null
  const act = async () => {
    setProblem(undefined)
    try {
      await askApi(`${makePath('pipelines', name)}/${isPaused ? 'resume' : 'pause'}`, {
        method: 'POST',
        body: {},
      })
      onDone()
    } catch (error) {
      setProblem(toProblem(error))
    }
  }
  return (
    <div>
      <button type="button" onClick={act} aria-label={`${isPaused ? 'Resume' : 'Pause'} ${name}`}>
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      <Problem problem={problem} />
    </div>
  )
}
