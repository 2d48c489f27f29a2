import { useLocation, useSearchParams } from 'wouter-preact'
import type { PlanView } from '../../src/control/control.ts'
import { askApi } from '../api.ts'
import { useLoaded } from '../live.ts'
import { Name, Problem, Values } from '../parts.tsx'
import { mayAct } from '../server.tsx'
import { PlanTable } from './plan-table.tsx'
import { OfPipeline } from './start.tsx'
import { OtherEnd, StartForm, useStart } from './start-form.tsx'
import { type Asked, makeStartRequest, type Pipeline, readAsked, writeAsked } from './start-model.ts'

/** What would run for the parameters of the address, and why, before it runs. */
export function PlanPage({ name }: { name: string }) {
  const [search] = useSearchParams()
  const asked = readAsked(search)
  const key = JSON.stringify(makeStartRequest(name, asked))
  return (
    <OfPipeline name={name} title="Plan">
      {(pipeline) => <PlanOf key={key} pipeline={pipeline} asked={asked} />}
    </OfPipeline>
  )
}

function PlanOf({ pipeline, asked }: { pipeline: Pipeline; asked: Asked }) {
  const { name } = pipeline
  const { data, problem, reload } = useLoaded(
    name,
    (signal) => askApi<PlanView>('/plan', { method: 'POST', body: makeStartRequest(name, asked), signal }),
    0,
  )
  const { start, isBusy, problem: failure, other } = useStart(name, asked)
  const [, go] = useLocation()
  if (problem !== undefined && data === undefined)
    return <StartForm pipeline={pipeline} asked={asked} refusal={problem} />
  if (data === undefined) return <p role="status">Planning…</p>
  return (
    <>
      <div class="bar">
        <p>
          <Values values={asked.texts} />
          {asked.isForced && ', run again'}
        </p>
        <div class="buttons">
          {mayAct() && (
            <button type="button" class="main" onClick={start} disabled={isBusy}>
              {isBusy ? 'Starting…' : 'Run it'}
            </button>
          )}
          <button type="button" onClick={() => go(writeAsked(name, 'start', asked))}>
            Change parameters
          </button>
          <button type="button" onClick={reload}>
            Plan again
          </button>
        </div>
      </div>
      <Problem problem={failure ?? problem} />
      <OtherEnd other={other} />
      {data.missingSecrets.length > 0 && (
        <div class="problem" role="alert">
          <strong>It cannot start before its secrets are set.</strong>
          {data.missingSecrets.map((text) => (
            <p key={text}>
              <Name text={text} />
            </p>
          ))}
        </div>
      )}
      <PlanTable plan={data} />
    </>
  )
}
