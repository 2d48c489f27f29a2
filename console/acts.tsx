import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useLocation } from 'wouter-preact'
import type {
  Cancelled,
  MarkResult,
  Retried,
  RunDetail,
  TaskShape,
  TasksActed,
} from '../src/control/control.ts'
import { type ApiProblem, askApi, makePath } from './api.ts'
import { formatCount } from './format.ts'
import { Name, Problem, toProblem } from './parts.tsx'
import { mayAct } from './server.tsx'

interface Reply {
  text: string
  /** There is nothing more to do. */
  isEnd?: boolean
}

interface ActProps {
  label: string
  /** What will happen and to how many, said before it is done. */
  children: ComponentChildren
  isDanger?: boolean
  /** Does it; returns what else has to be confirmed or known, or undefined when it is done. */
  perform(isConfirmed: boolean): Promise<Reply | undefined>
  /** Called when a reply that is an end was read. */
  onEnd?(): void
}

/** A button whose act is described, with what it affects, and then confirmed. */
export function Act({ label, children, isDanger = false, perform, onEnd }: ActProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [isShown, show] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [question, setQuestion] = useState<Reply>()
  const [problem, setProblem] = useState<ApiProblem>()
  useEffect(() => {
    if (isShown) dialog.current?.showModal()
  }, [isShown])
  const close = () => {
    dialog.current?.close()
    show(false)
    if (question?.isEnd) onEnd?.()
    setQuestion(undefined)
    setProblem(undefined)
  }
  const act = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      const more = await perform(question !== undefined)
      setQuestion(more)
      if (more === undefined) close()
    } catch (error) {
      setProblem(toProblem(error))
    }
    setBusy(false)
  }
  return (
    <>
      <button type="button" class={isDanger ? 'danger' : ''} onClick={() => show(true)}>
        {label}
      </button>
      {isShown && (
        <dialog ref={dialog} onClose={close} aria-label={label}>
          <h2>{label}</h2>
          <p>{question?.text ?? children}</p>
          <Problem problem={problem} />
          <div class="buttons">
            <button type="button" onClick={close}>
              {question?.isEnd ? 'Close' : 'Leave it'}
            </button>
            {!question?.isEnd && (
              <button type="button" class={isDanger ? 'danger' : 'main'} onClick={act} disabled={isBusy}>
                {isBusy ? 'Working…' : label}
              </button>
            )}
          </div>
        </dialog>
      )}
    </>
  )
}

const OPEN = ['pending', 'queued', 'running', 'waiting', 'expanding'] as const
const UNDONE = ['failed', 'upstream_failed', 'cancelled'] as const

/** Buttons of a run: retry what did not succeed, and cancel. */
export function RunActs({ run, onDone }: { run: RunDetail; onDone(): void }) {
  const retry = useRetry(run.run)
  const isOpen = run.status === 'running' || run.status === 'planning'
  const count = (statuses: readonly (keyof RunDetail['counts'])[]) =>
    statuses.reduce((sum, status) => sum + (run.counts[status] ?? 0), 0)
  const failed = count(['failed'])
  const mayRetry = isOpen ? failed > 0 : run.status !== 'succeeded'
  const cancel = async () => {
    const { status } = await askApi<Cancelled>(`${makePath('runs', run.run)}/cancel`, {
      method: 'POST',
      body: {},
    })
    onDone()
    return status === 'running'
      ? { text: 'Some bodies have not stopped yet. Cancel again to wait for them.' }
      : undefined
  }
  if (!mayAct()) return null
  return (
    <>
      {mayRetry && (
        <Act label="Retry" perform={(isConfirmed) => retry({}, isConfirmed)}>
          Opens the next run of this request. It affects {formatCount(count(UNDONE), 'task')} that did not
          succeed; what is complete is not run again.
        </Act>
      )}
      {isOpen && (
        <Act label="Cancel run" isDanger perform={cancel}>
          Stops {formatCount(run.counts.running ?? 0, 'task')} that{' '}
          {run.counts.running === 1 ? 'runs' : 'run'} now; {formatCount(count(OPEN), 'task')} in all will not
          be done.
        </Act>
      )}
    </>
  )
}

/** Buttons of a task of a run: retry it alone, or count it as succeeded. */
export function TaskActs({ run, task, onDone }: { run: string; task: TaskShape; onDone(): void }) {
  const retry = useRetry(run)
  const [, go] = useLocation()
  const mark = async () => {
    const marked = await askApi<MarkResult>(`${makePath('runs', run)}/mark`, {
      method: 'POST',
      body: { task: String(task.number) },
    })
    if ('opened' in marked) {
      go(makePath('runs', marked.run))
      return undefined
    }
    onDone()
    if (marked.status === 'complete')
      return { text: 'It counts as succeeded, and everything of its request is complete now.', isEnd: true }
    return undefined
  }
  const cancel = async () => {
    const { left } = await askApi<TasksActed>(`${makePath('runs', run)}/selection/cancel`, {
      method: 'POST',
      body: { where: `task=${task.number}`, atMost: 1 },
    })
    onDone()
    return left > 0
      ? { text: 'It could not be cancelled yet, because it has just moved. Send it again.' }
      : undefined
  }
  if (!mayAct() || task.status === 'succeeded' || task.status === 'complete') return null
  const mayRetry = UNDONE.some((status) => status === task.status)
  return (
    <>
      {mayRetry && (
        <Act label="Retry task" perform={(isConfirmed) => retry({ task: String(task.number) }, isConfirmed)}>
          Opens a run that makes 1 task complete, <Name text={task.task} />, with what it needs.
        </Act>
      )}
      {OPEN.some((status) => status === task.status) && (
        <Act label="Cancel task" isDanger perform={cancel}>
          Cancels 1 task, <Name text={task.task} />. What needs it does not run; the run goes on, and fails at
          its end.
        </Act>
      )}
      <Act label="Mark as succeeded" isDanger perform={mark}>
        Counts 1 task, <Name text={task.task} />, as succeeded though its target may not be there. Tasks that
        depend on it will run.
      </Act>
    </>
  )
}

/** Opens the next run and goes to its page; returns a question if tasks that run would be stopped. */
function useRetry(run: string) {
  const [, go] = useLocation()
  return async (body: { task?: string }, isConfirmed: boolean): Promise<Reply | undefined> => {
    const answer = await askApi<Retried>(`${makePath('runs', run)}/retry`, {
      method: 'POST',
      body: { ...body, confirmed: isConfirmed },
    })
    if ('affected' in answer)
      return {
        text: `The run is open: ${formatCount(answer.affected, 'task')} of ${answer.all.toLocaleString('en')} would be stopped first.`,
      }
    if ('opened' in answer) {
      go(makePath('runs', answer.run))
      return undefined
    }
    if (answer.status === 'running')
      return { text: 'Some tasks have not stopped yet. Send it again to wait for them.' }
    return { text: 'Everything is complete by now: there is nothing to retry.', isEnd: true }
  }
}
