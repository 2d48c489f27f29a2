import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { RunPage, SelectionView, Started, TasksActed } from '../../src/control/control.ts'
import { Act } from '../acts.tsx'
import { ApiProblem, askApi, makePath, writeQuery } from '../api.ts'
import { formatCount } from '../format.ts'
import { useLoaded } from '../live.ts'
import { Empty, Name, Problem, toProblem } from '../parts.tsx'
import { mayAct } from '../server.tsx'

/** So many runs are looked at; each takes a request. */
const MOST_RUNS = 200
/** Runs in which an act may find something to do. */
const STATUSES = ['failed', 'cancelled', 'running']
/** Terms about runs. They only spare requests: each run is asked with the whole selection. */
const RUN_TERM = /(?:^|\s)((?:pipeline|interval)[!<>=]+(?:"(?:\\.|[^"\\])*"|[^\s"])+)/g
/** The family, task or parameter is not in the run; or the run was forgotten meanwhile. */
const NOT_THERE = ['unknown_task', 'unknown_name', 'unknown_run']

const ACTS = ['retry', 'cancel', 'mark'] as const
type ActName = (typeof ACTS)[number]

/** What is selected in the newest run of each request, and buttons that act on all of it, as commands without RUN do. */
export function RunsSelection({ where }: { where: string }) {
  const [version, setVersion] = useState(0)
  const { data, problem } = useLoaded(`${where}\n${version}`, (signal) => readViews(where, signal), 0)
  if (problem !== undefined) return <Problem problem={problem} />
  if (data === undefined) return <p class="soft">Counting…</p>
  const { views, left } = data
  const selected = views.filter((view) => view.selected > 0)
  if (selected.length === 0)
    return (
      <Empty title="No task is selected.">
        The newest run of each request was looked at, if it is open or did not succeed.
      </Empty>
    )
  return (
    <>
      <div class="buttons selected" role="group" aria-label="Selected tasks">
        <span>
          <strong>
            {formatCount(
              sum(selected, ({ selected }) => selected),
              'task',
            )}
          </strong>{' '}
          of {formatCount(selected.length, 'run')} selected
        </span>
        {mayAct() &&
          ACTS.map((act) => (
            <ActOnRuns
              key={act}
              act={act}
              where={where}
              views={views}
              onDone={() => setVersion(version + 1)}
            />
          ))}
      </div>
      {left > 0 && (
        <p class="soft">
          {formatCount(left, 'older run')} more may have such tasks: narrow the selection, such as with{' '}
          <code>pipeline=NAME</code>, or use the command.
        </p>
      )}
      <table class="rows" aria-label="Runs with selected tasks">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col" class="number">
              Selected
            </th>
            {ACTS.map((act) => (
              <th key={act} scope="col" class="number wide">
                {NAMES[act]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {selected.map(({ run, selected, affected }) => (
            <tr key={run}>
              <td>
                <Link href={`${makePath('runs', run)}${writeQuery({ where })}`} data-row>
                  <Name text={run} />
                </Link>
              </td>
              <td class="number">{selected.toLocaleString('en')}</td>
              {ACTS.map((act) => (
                <td key={act} class="number wide">
                  {affected[act].toLocaleString('en')}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

const NAMES = { retry: 'Retry', cancel: 'Cancel', mark: 'Mark' }
const EFFECTS: { [name in ActName]: string } = {
  retry:
    'In each run, the tasks that did not succeed are opened as one new run, with what they need. Nothing that runs is stopped.',
  cancel: 'What needs them does not run; all else goes on, and the runs fail at their end.',
  mark: 'They count as succeeded though their targets may not be there.',
}

const sum = <Item,>(items: Item[], count: (item: Item) => number): number =>
  items.reduce((all, item) => all + count(item), 0)

interface ActProps {
  act: ActName
  where: string
  views: SelectionView[]
  onDone(): void
}

function ActOnRuns({ act, where, views, onDone }: ActProps) {
  const wanted = views.filter(({ affected }) => affected[act] > 0)
  const tasks = sum(wanted, ({ affected }) => affected[act])
  if (tasks === 0) return null
  const perform = async () => {
    const { left, problems } = await sendToAll(act, where, wanted)
    if (left === 0 && problems.length === 0) {
      onDone()
      return undefined
    }
    const [first] = problems
    const refused =
      first && `${wanted.length - problems.length} of ${formatCount(wanted.length, 'run')} done. ${first}`
    const later =
      left > 0 ? `${formatCount(left, 'task')} could not be yet: count again, and send it again.` : undefined
    return { text: [refused, later].filter(Boolean).join(' '), isEnd: true }
  }
  return (
    <Act
      label={`${NAMES[act]} ${tasks.toLocaleString('en')}`}
      isDanger={act !== 'retry'}
      perform={perform}
      onEnd={onDone}
    >
      {formatCount(tasks, 'task')} in {formatCount(wanted.length, 'run')}. {EFFECTS[act]}
    </Act>
  )
}

/** Sends an act to one run after the other; what one refuses holds up no other. */
async function sendToAll(act: ActName, where: string, views: SelectionView[]) {
  const problems: string[] = []
  let left = 0
  for (const { run, affected } of views) {
    const body = { where, atMost: affected[act] }
    try {
      const path = `${makePath('runs', run)}/selection/${act}`
      const answer = await askApi<TasksActed | Started>(path, { method: 'POST', body })
      if ('left' in answer) left += answer.left
    } catch (error) {
      problems.push(`${run}: ${toProblem(error).message}`)
    }
  }
  return { left, problems }
}

/** What the selection has in each run; that no run knows what it names is a problem, as it is for the command. */
async function readViews(
  where: string,
  signal: AbortSignal,
): Promise<{ views: SelectionView[]; left: number }> {
  const terms = [...where.matchAll(RUN_TERM)].map(([, term]) => term).join(' ')
  const query = { newest: true, statuses: STATUSES, where: terms || undefined, limit: MOST_RUNS }
  const { runs, found } = await askApi<RunPage>('/runs', { query, signal })
  const views: SelectionView[] = []
  let unknown: unknown
  for (const { run } of runs)
    try {
      const path = `${makePath('runs', run)}/selection`
      views.push(await askApi<SelectionView>(path, { query: { where }, signal }))
    } catch (error) {
      if (!(error instanceof ApiProblem && NOT_THERE.includes(error.code))) throw error
      unknown = error
    }
  if (views.length === 0 && unknown !== undefined) throw unknown
  return { views, left: found - runs.length }
}
