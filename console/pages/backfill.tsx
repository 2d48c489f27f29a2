import { useEffect, useState } from 'preact/hooks'
import { Link, useLocation, useSearchParams } from 'wouter-preact'
import { makePath, writeQuery } from '../api.ts'
import { formatCount } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Empty, Facts, Problem } from '../parts.tsx'
import { mayAct } from '../server.tsx'
import {
  type Asked,
  countIntervals,
  findWrong,
  listFields,
  type Preview,
  readBackfill,
  readWrong,
} from './backfill-model.ts'
import { BackfillProgress } from './backfill-progress.tsx'
import { type Backfill, backfills, isStarting, startBackfill } from './backfill-work.ts'
import { OfPipeline } from './start.tsx'
import { Field, useWrongFocus } from './start-form.tsx'
import type { Pipeline } from './start-model.ts'

type Schedule = NonNullable<Pipeline['schedule']>

/** Runs intervals of the past: which span, what would run, and how far it has come. What was asked for is in the address. */
export function BackfillPage({ name }: { name: string }) {
  const [search] = useSearchParams()
  const asked = readBackfill(search)
  return (
    <OfPipeline name={name} title="Backfill">
      {({ schedule }) =>
        schedule === null ? (
          <Empty title="It has no schedule, so it has no intervals.">
            <Link href={makePath('pipelines', name, 'start')}>Start a run</Link> with parameters instead.
          </Empty>
        ) : (
          <OfSchedule name={name} schedule={schedule} asked={asked} />
        )
      }
    </OfPipeline>
  )
}

interface Props {
  name: string
  schedule: Schedule
  asked: Asked
}

function OfSchedule({ name, schedule, asked }: Props) {
  const backfill = backfills.value.get(name)
  return (
    <>
      {backfill && <BackfillProgress backfill={backfill} />}
      {!(backfill && isStarting(backfill)) && (
        <SpanForm name={name} schedule={schedule} asked={asked} phase={backfill?.phase} />
      )}
    </>
  )
}

/** The form, and what would run for the span of the address. */
function SpanForm({ name, schedule, asked, phase }: Props & { phase: Backfill['phase'] | undefined }) {
  const [texts, setTexts] = useState(asked)
  const [wrong, setWrong] = useState(() => (asked.from || asked.to ? findWrong(asked) : {}))
  const [, go] = useLocation()
  const isAsked = Object.keys(findWrong(asked)).length === 0
  const [far, setFar] = useState<Preview>()
  const key = JSON.stringify(asked)
  // The address changes without the form when a person goes back.
  useEffect(() => setTexts(asked), [key])
  useEffect(() => setFar(undefined), [key, phase])
  const { data, problem, reload } = useLoaded(
    `${key} ${phase}`,
    async (signal) => (isAsked ? countIntervals(name, asked, signal, setFar) : undefined),
    0,
  )
  const refused = readWrong(problem)
  const isAtField = refused.from !== undefined || refused.to !== undefined
  const form = useWrongFocus(isAtField ? problem : wrong)
  const isSame = texts.from === asked.from && texts.to === asked.to && texts.runs === asked.runs
  const submit = () => {
    const found = findWrong(texts)
    setWrong(found)
    if (Object.keys(found).length > 0) return
    if (isSame) reload()
    else go(makePath('pipelines', name, 'backfill') + writeQuery({ ...texts }))
  }
  return (
    <>
      <form
        class="form"
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <p class="soft">
          Runs the intervals of <code>{schedule.cron}</code> that begin in a span and are not complete, the
          oldest first.
        </p>
        {listFields(schedule).map(({ field, label, param }) => (
          <Field
            key={field}
            param={param}
            label={label}
            text={texts[field]}
            problem={wrong[field] ?? (isSame ? refused[field] : undefined)}
            onInput={(text) => setTexts({ ...texts, [field]: text })}
          />
        ))}
        {!isAtField && <Problem problem={problem} />}
        <div class="buttons">
          <button type="submit" class={data === undefined ? 'main' : ''}>
            {data === undefined ? 'Preview' : 'Preview again'}
          </button>
        </div>
      </form>
      {isAsked && isSame && problem === undefined && <PreviewOf preview={data} far={far} />}
      {data && isSame && problem === undefined && <Start name={name} asked={asked} preview={data} />}
    </>
  )
}

function PreviewOf({ preview, far }: { preview: Preview | undefined; far: Preview | undefined }) {
  const shown = preview ?? far
  return (
    <section aria-labelledby="preview" class="backfill">
      <h2 id="preview">What would run</h2>
      <p role="status">
        {preview === undefined &&
          (far === undefined
            ? 'Counting…'
            : `Counting: ${far.looked.toLocaleString('en')} of ${formatCount(far.all, 'interval')} so far`)}
      </p>
      {shown && (
        <Facts
          rows={[
            ['Intervals', shown.all.toLocaleString('en')],
            ['Would be started', <strong key="start">{shown.toStart.toLocaleString('en')}</strong>],
            ['Complete', shown.complete.toLocaleString('en')],
            ['Have an open run', shown.open.toLocaleString('en')],
            ['First', <IntervalName key="first" name={shown.first} />],
            ['Last', <IntervalName key="last" name={shown.last} />],
          ]}
        />
      )}
    </section>
  )
}

/** Where an interval begins and ends; a line breaks between the two, and not within a date. */
const IntervalName = ({ name }: { name: string }) => (
  <>
    {name.split(' – ').map((bound, index) => (
      <span key={bound} class="whole">
        {index > 0 && '– '}
        {bound}{' '}
      </span>
    ))}
  </>
)

/** The button that starts what the preview has shown, with the count of it. */
function Start({ name, asked, preview }: { name: string; asked: Asked; preview: Preview }) {
  const { toStart, open } = preview
  if (toStart === 0)
    return (
      <p>
        {open === 0
          ? 'Everything is complete, so there is nothing to start.'
          : `There is nothing to start: ${formatCount(open, 'interval')} ${open === 1 ? 'has' : 'have'} an open run, and the others are complete.`}
      </p>
    )
  if (!mayAct()) return null
  return (
    <>
      <p class="soft">
        Keep the tab open until all are started. If it is closed before, the same span goes on later where it
        stopped.
      </p>
      <div class="buttons">
        <button type="button" class="main" onClick={() => startBackfill(name, asked)}>
          Start {formatCount(toStart, 'run')}
        </button>
      </div>
    </>
  )
}
