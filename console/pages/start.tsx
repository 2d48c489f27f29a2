import type { ComponentChildren } from 'preact'
import { Link, useLocation, useSearchParams } from 'wouter-preact'
import type { PipelineList } from '../../src/control/control.ts'
import { askApi, makePath } from '../api.ts'
import { useLoaded } from '../live.ts'
import { Empty, Name, Problem } from '../parts.tsx'
import { mayAct } from '../server.tsx'
import { StartForm } from './start-form.tsx'
import { type Pipeline, readAsked, writeAsked } from './start-model.ts'

/** The form that starts a run of a pipeline; what is typed is in the address. */
export function StartPage({ name }: { name: string }) {
  const [search] = useSearchParams()
  const [, go] = useLocation()
  return (
    <OfPipeline name={name} title={mayAct() ? 'Start a run' : 'Plan a run'}>
      {(pipeline) => (
        <StartForm
          pipeline={pipeline}
          asked={readAsked(search)}
          onEdit={(asked) => go(writeAsked(name, 'start', asked), { replace: true })}
        />
      )}
    </OfPipeline>
  )
}

interface OfPipelineProps {
  name: string
  title: string
  children(pipeline: Pipeline): ComponentChildren
}

/** A page about one pipeline: its head, and what follows once the pipeline is known. */
export function OfPipeline({ name, title, children }: OfPipelineProps) {
  const { data, problem } = useLoaded(
    name,
    async (signal) => (await askApi<PipelineList>('/pipelines', { signal })).pipelines,
    0,
  )
  const pipeline = data?.find((each) => each.name === name)
  return (
    <>
      <p class="crumbs">
        <Link href="/">Overview</Link> /{' '}
        <Link href={makePath('pipelines', name)}>
          <Name text={name} />
        </Link>
      </p>
      <h1>
        {title}: <Name text={name} />
      </h1>
      <Problem problem={problem} />
      {pipeline && children(pipeline)}
      {data && !pipeline && (
        <Empty title="There is no such pipeline.">
          <Link href="/">The overview</Link> lists all of them.
        </Empty>
      )}
    </>
  )
}
