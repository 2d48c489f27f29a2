import type { SelectionView, Started, TasksActed } from '../../control/control.ts'
import { formatSelection, isRunTerm } from '../../control/selection/language.ts'
import { parseSelection } from '../../control/selection/parse.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Project } from '../../project/load-config.ts'
import { askForConfirmation } from '../ask.ts'
import { EXIT } from '../exit.ts'
import { makeRunFollower, type RunOptions } from '../follow.ts'
import { followStartedRuns } from '../follow-started.ts'
import { type CommandControl, openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { readNewestRuns } from '../read-pages.ts'
import { type ActName, renderActed, renderPreview } from '../render/selection.ts'
import { actOnAll } from './act-on-all.ts'

/** Flags of acts on selected tasks. */
export interface SelectionOptions {
  where: string
  dryRun?: true
  yes?: true
}

type Options = SelectionOptions & (GlobalOptions | RunOptions)

/** What an act on selected tasks is: of one run, or of the newest run of each request. */
export interface SelectedAct {
  act: ActName
  run: string | undefined
}

/** Runs in which an act may find something to do. */
const STATUSES = {
  retry: ['failed', 'cancelled', 'running'],
  cancel: ['running'],
  mark: ['failed', 'cancelled', 'running'],
} as const

/** Shows how many tasks an act would affect, asks, and acts: in one run, or in the newest run of each request. */
export async function actOnSelection(
  project: Project,
  wanted: SelectedAct,
  options: Options,
): Promise<Result> {
  const { act } = wanted
  const { where, dryRun, yes } = options
  const selection = parseSelection(where)
  await using control = await openControl(options, project)
  const runs = wanted.run === undefined ? await listRunsOf(control, act, selection) : [wanted.run]
  const views = await readViews(control, runs, where, wanted.run !== undefined)
  const affected = views.filter((view) => view.affected[act] > 0)
  const preview = renderPreview(act, where, views)
  if (dryRun) return { data: { act, where, runs: views }, text: preview }
  if (affected.length === 0)
    throw new SluiceError('invalid_usage', preview, {
      hint: 'Nothing was changed. sluice status RUN --where SELECTION lists tasks.',
    })
  if (!yes)
    await askForConfirmation(preview, {
      question: 'Go on?',
      refusal: 'Nothing was changed.',
      hint: 'Add --yes to go on, or --dry-run to look alone.',
    })
  return await perform(control, act, affected, options)
}

/** Newest runs of all requests that the terms about runs want. */
async function listRunsOf(
  control: CommandControl,
  act: ActName,
  selection: ReturnType<typeof parseSelection>,
): Promise<string[]> {
  const where = formatSelection(selection.filter(isRunTerm)) || undefined
  const query = { where, newest: true, statuses: [...STATUSES[act]] }
  const { runs } = await readNewestRuns(control, query, Number.MAX_SAFE_INTEGER)
  return runs.map(({ run }) => run)
}

/** Of many runs some may not have what a selection names; only if none has, that is an error. */
async function readViews(
  control: CommandControl,
  runs: string[],
  where: string,
  isOne: boolean,
): Promise<SelectionView[]> {
  const views: SelectionView[] = []
  let unknown: SluiceError | undefined
  for (const run of runs)
    try {
      views.push(await control.selection({ run, where }))
    } catch (error) {
      const isUnknown = error instanceof SluiceError && NOT_THERE.includes(error.code)
      if (isOne || !isUnknown) throw error
      unknown = error
    }
  if (views.length === 0 && unknown !== undefined) throw unknown
  return views
}

/** The family, task or parameter is not in the run; or the run was forgotten while it was looked at. */
const NOT_THERE: readonly string[] = ['unknown_task', 'unknown_name', 'unknown_run']

async function perform(
  control: CommandControl,
  act: ActName,
  views: SelectionView[],
  options: Options,
): Promise<Result> {
  const { where } = options
  const acted: TasksActed[] = []
  const started: Started[] = []
  for (const { run, affected } of views) {
    const request = { run, where, atMost: affected[act] }
    const answer = await performInRun(control, act, request)
    if ('affected' in answer) acted.push(answer)
    else started.push(answer)
  }
  const text = renderActed(act, acted)
  const isWaiting = acted.some(({ left }) => left > 0)
  if (started.length === 0)
    return { data: { act, where, acted }, text, exitCode: isWaiting ? EXIT.waiting : EXIT.done }
  const runOptions = options as RunOptions
  return followStartedRuns(control, makeRunFollower(control, runOptions), started, runOptions)
}

type Request = Parameters<CommandControl['cancelSelected']>[0]

async function performInRun(
  control: CommandControl,
  act: ActName,
  request: Request,
): Promise<TasksActed | Started> {
  if (act === 'retry') return control.retrySelected(request)
  const { run, where } = request
  return actOnAll(
    () => (act === 'cancel' ? control.cancelSelected(request) : control.markSelected(request)),
    async () => (await control.selection({ run, where })).affected[act],
  )
}
