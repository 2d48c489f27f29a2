import { useLocation } from 'wouter-preact'
import type { SelectionView, Started, TasksActed } from '../../src/control/control.ts'
import { Act } from '../acts.tsx'
import { askApi, makePath } from '../api.ts'
import { formatCount } from '../format.ts'
import { useLoaded } from '../live.ts'
import { mayAct } from '../server.tsx'

interface Props {
  run: string
  where: string
  /** Another one means that tasks have changed. */
  version: string
  onDone(): void
}

/** What a selection has, and buttons for what can be done with it, each with the count of what it affects. */
export function SelectionActs({ run, where, version, onDone }: Props) {
  const path = `${makePath('runs', run)}/selection`
  const { data, problem } = useLoaded(
    `${run}\n${where}\n${version}`,
    (signal) => askApi<SelectionView>(path, { query: { where }, signal }),
    0,
  )
  const [, go] = useLocation()
  // The table below says what is wrong with the selection.
  if (problem !== undefined) return null
  if (data === undefined) return <p class="soft">Counting…</p>
  const { selected, all, affected } = data
  const send = async (act: 'retry' | 'cancel' | 'mark') => {
    const body = { where, atMost: affected[act] }
    const answer = await askApi<TasksActed | Started>(`${path}/${act}`, { method: 'POST', body })
    if ('opened' in answer) {
      go(makePath('runs', answer.run))
      return undefined
    }
    onDone()
    if ('status' in answer) return { text: 'Everything selected is complete by now.', isEnd: true }
    if (answer.left === 0) return undefined
    return { text: `${formatCount(answer.left, 'task')} could not be yet. Send it again.` }
  }
  return (
    <div class="buttons selected" role="group" aria-label="Selected tasks">
      <span>
        <strong>{formatCount(selected, 'task')}</strong> of {all.toLocaleString('en')} selected
      </span>
      {mayAct() && affected.retry > 0 && (
        <Act label={`Retry ${affected.retry.toLocaleString('en')}`} perform={() => send('retry')}>
          Opens one run of {formatCount(affected.retry, 'task')} that did not succeed, and of what{' '}
          {affected.retry === 1 ? 'it needs' : 'they need'}. Nothing that runs is stopped.
        </Act>
      )}
      {mayAct() && affected.cancel > 0 && (
        <Act label={`Cancel ${affected.cancel.toLocaleString('en')}`} isDanger perform={() => send('cancel')}>
          Cancels {formatCount(affected.cancel, 'task')} that {affected.cancel === 1 ? 'has' : 'have'} not
          ended. What needs them does not run; all else goes on, and the run fails at its end.
        </Act>
      )}
      {mayAct() && affected.mark > 0 && (
        <Act
          label={`Mark ${affected.mark.toLocaleString('en')} as succeeded`}
          isDanger
          perform={() => send('mark')}
        >
          Counts {formatCount(affected.mark, 'task')} as succeeded though{' '}
          {affected.mark === 1 ? 'its target' : 'their targets'} may not be there.
        </Act>
      )}
    </div>
  )
}
