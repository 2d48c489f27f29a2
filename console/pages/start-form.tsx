import { useEffect, useRef, useState } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import type { Started } from '../../src/control/control.ts'
import { type ApiProblem, askApi, makePath } from '../api.ts'
import { Name, Problem, toProblem } from '../parts.tsx'
import { mayAct } from '../server.tsx'
import {
  type Asked,
  describeParameter,
  findControl,
  makeStartRequest,
  type Parameter,
  type Pipeline,
  writeAsked,
  writeDefault,
} from './start-model.ts'

/** Starts a run and goes to it; says what else became of the request. */
export function useStart(name: string, asked: Asked) {
  const [, go] = useLocation()
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<ApiProblem>()
  const [other, setOther] = useState<Started>()
  const start = async () => {
    setBusy(true)
    setProblem(undefined)
    setOther(undefined)
    try {
      const body = makeStartRequest(name, asked)
      const started = await askApi<Started>('/runs', { method: 'POST', body })
      if ('opened' in started && started.opened) go(makePath('runs', started.run))
      else setOther(started)
    } catch (error) {
      setProblem(toProblem(error))
    }
    setBusy(false)
  }
  return { start, isBusy, problem, other }
}

/** Says why no new run was opened. */
export function OtherEnd({ other }: { other: Started | undefined }) {
  return (
    <div role="status">
      {other && (
        <div class="notice">
          {'run' in other ? (
            <>
              This request has an open run already: <Link href={makePath('runs', other.run)}>go to it</Link>.
            </>
          ) : (
            <>
              Everything is complete, so nothing was started: <Name text={other.task} />. To make it again,
              check “Run again”.
            </>
          )}
        </div>
      )}
    </div>
  )
}

/** A form whose first wrong field gets the focus when there is another problem. */
export function useWrongFocus(problem: unknown) {
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [problem])
  return form
}

interface FormProps {
  pipeline: Pipeline
  asked: Asked
  /** Why the last try was refused elsewhere. */
  refusal?: ApiProblem | undefined
  /** A field was changed. */
  onEdit?(asked: Asked): void
}

/** The parameters of a pipeline as fields, with what is wrong beside each of them. */
export function StartForm({ pipeline, asked: first, refusal, onEdit }: FormProps) {
  const { name, params, schedule } = pipeline
  const [asked, setAsked] = useState(first)
  const { start, isBusy, problem: failure, other } = useStart(name, asked)
  const [, go] = useLocation()
  const problem = failure ?? refusal
  const form = useWrongFocus(problem)
  const edit = (next: Asked) => {
    setAsked(next)
    onEdit?.(next)
  }
  const isShownAtFields =
    problem !== undefined && params.some((each) => Object.hasOwn(problem.params, each.name))
  return (
    <form
      class="form"
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        if (mayAct()) void start()
      }}
    >
      {isShownAtFields ? (
        <div class="problem" role="alert">
          <strong>Nothing was started: correct the parameters that are marked.</strong>
        </div>
      ) : (
        <Problem problem={problem} />
      )}
      <OtherEnd other={other} />
      {schedule?.paused && (
        <p class="soft">The schedule is paused. A run that you start here runs all the same.</p>
      )}
      {params.length === 0 && <p class="soft">It takes no parameters.</p>}
      {params.map((param) => (
        <Field
          key={param.name}
          param={param}
          text={asked.texts[param.name] ?? ''}
          problem={
            problem && Object.hasOwn(problem.params, param.name) ? problem.params[param.name] : undefined
          }
          onInput={(text) => edit({ ...asked, texts: { ...asked.texts, [param.name]: text } })}
        />
      ))}
      <label class="check">
        <input
          type="checkbox"
          checked={asked.isForced}
          onChange={({ currentTarget }) => edit({ ...asked, isForced: currentTarget.checked })}
        />
        Run again, though the root task is complete
      </label>
      <div class="buttons">
        {mayAct() && (
          <button type="submit" class="main" disabled={isBusy}>
            {isBusy ? 'Starting…' : 'Start run'}
          </button>
        )}
        <button type={mayAct() ? 'button' : 'submit'} onClick={() => go(writeAsked(name, 'plan', asked))}>
          Show plan
        </button>
      </div>
    </form>
  )
}

interface FieldProps {
  param: Parameter
  /** @default the name of the parameter */
  label?: string
  text: string
  problem: string | undefined
  onInput(text: string): void
}

/** A field with its label, what it takes and what is wrong with it. */
export function Field({ param, label = param.name, text, problem, onInput }: FieldProps) {
  const id = `field-${param.name}`
  // The control stays the same while a person types.
  const [control] = useState(() => findControl(param, text))
  const { default: usual, description } = param.schema
  const shared = {
    id,
    value: text,
    'aria-invalid': problem !== undefined,
    'aria-required': param.required,
    'aria-describedby': `${id}-about ${id}-problem`,
    spellcheck: false,
    onInput: ({ currentTarget }: { currentTarget: { value: string } }) => onInput(currentTarget.value),
  }
  const placeholder = usual === undefined ? '' : writeDefault(usual)
  return (
    <div class="field">
      <label for={id}>
        <Name text={label} />
      </label>
      {control.kind === 'choice' ? (
        <select {...shared}>
          <option value="">{usual === undefined ? 'not given' : `default: ${writeDefault(usual)}`}</option>
          {[...new Set([...control.choices, ...(text === '' ? [] : [text])])].map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : control.kind === 'json' ? (
        <textarea {...shared} rows={3} placeholder={placeholder} />
      ) : control.kind === 'day' ? (
        <input {...shared} type="date" />
      ) : (
        <input
          {...shared}
          type="text"
          inputMode={control.mode}
          placeholder={placeholder}
          autocomplete="off"
        />
      )}
      <p class="soft" id={`${id}-about`}>
        {typeof description === 'string' && (
          <>
            <Name text={description.replace(/\.$/, '')} />.{' '}
          </>
        )}
        <Name text={describeParameter(param)} />
      </p>
      <p class="bad" id={`${id}-problem`}>
        {problem !== undefined && <Name text={problem} />}
      </p>
    </div>
  )
}
