import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { removeLook } from './ansi.ts'
import { ApiProblem } from './api.ts'
import { formatInstant, formatUtc, showUnseen } from './format.ts'
import { SHAPES } from './shapes.ts'

/** The shape of a status alone; its word stands beside it, or is its title. */
export const Shape = ({ status }: { status: string }) => (
  <svg class={`shape s-${status}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d={SHAPES[status] ?? SHAPES.failed} />
  </svg>
)

/** A status as colour, shape and word. */
export const Status = ({ status }: { status: string }) => (
  <span class={`status s-${status}`}>
    <Shape status={status} />
    {status.replaceAll('_', ' ')}
  </span>
)

/** A text that users or programs wrote: its direction stays its own, and what has no width is seen. */
export const Name = ({ text }: { text: string }) => <bdi class="name">{showUnseen(text)}</bdi>

/** An instant in the zone of the viewer; UTC stands beside it, or in the title where room is short. */
export function Instant({ at, isShort = false }: { at: number | null | undefined; isShort?: boolean }) {
  if (at === null || at === undefined) return <span class="soft">—</span>
  return (
    <time dateTime={new Date(at).toISOString()} title={formatUtc(at)}>
      {formatInstant(at)}
      {!isShort && <span class="soft utc"> {formatUtc(at)}</span>}
    </time>
  )
}

/** Why something could not be had or done, and the next step. */
export function Problem({ problem }: { problem: ApiProblem | undefined }) {
  if (problem === undefined) return null
  if (problem.status === 401)
    return (
      <div class="problem" role="alert">
        <strong>This browser has no token yet.</strong>
        <p>
          Or it has one of an earlier start. Open the address that <code>sluice dev</code> or{' '}
          <code>sluice console</code> printed last.
        </p>
      </div>
    )
  return (
    <div class="problem" role="alert">
      <strong>
        <Name text={problem.message} />
      </strong>
      {problem.hint !== null && (
        <p>
          <Name text={problem.hint} />
        </p>
      )}
    </div>
  )
}

/** A page that has nothing yet: the reason, once there is one. */
export const Unread = ({ problem }: { problem: ApiProblem | undefined }) =>
  problem && (
    <>
      <h1>This page cannot be shown</h1>
      <Problem problem={problem} />
    </>
  )

/** Says that there is nothing, and what to do next. */
export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty">
    <strong>{title}</strong>
    <p>{children}</p>
  </div>
)

/** Lines that a program wrote, which may be long. */
export const Tail = ({ text, label }: { text: string; label: string }) => (
  <pre class="tail" role="region" aria-label={label} tabIndex={0}>
    <Name text={removeLook(text)} />
  </pre>
)

/** Rows of names and values. */
export const Facts = ({ rows }: { rows: [string, ComponentChildren][] }) => (
  <dl class="facts">
    {rows.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)

/** Parameters, or another object, as names and values. */
export function Values({ values }: { values: { [name: string]: unknown } }) {
  const names = Object.keys(values)
  if (names.length === 0) return <span class="soft">none</span>
  return (
    <span class="values">
      {names.map((name) => (
        <span key={name}>
          <span class="soft">
            <Name text={name} />=
          </span>
          <Name text={writeValue(values[name])} />
        </span>
      ))}
    </span>
  )
}

/** A value as text: texts as they are, others as JSON. */
export const writeValue = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

/** A button that copies a text. */
export function Copy({ text, label }: { text: string | (() => string); label: string }) {
  const [said, say] = useState('')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text())
      say('copied')
    } catch {
      say('the browser did not allow it')
    }
    setTimeout(() => say(''), 2_000)
  }
  return (
    <button type="button" onClick={copy}>
      {label}
      <span role="status">{said && `: ${said}`}</span>
    </button>
  )
}

/** The problem of an error of any kind. */
export const toProblem = (error: unknown): ApiProblem =>
  error instanceof ApiProblem ? error : new ApiProblem(0, String(error))
