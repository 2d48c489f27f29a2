import type { Control } from '../../control/control.ts'
import { findRequestRoot } from '../../control/requests.ts'
import { RUN_STATUSES } from '../../control/run-filter.ts'
import { listFieldChoices } from '../../define/fields.ts'
import { findParameterKind } from '../../define/params.ts'
import { loadProject, type Project, requireConfig } from '../../project/load-config.ts'
import { openQuickControl } from '../open-control.ts'
import { findDefaultState, resolveFromStart } from '../place.ts'
import { readAllTasks } from '../read-pages.ts'
import { formatInstant } from '../render/text.ts'
import { FILES } from './scripts.ts'

/** A candidate with its description. */
export interface Candidate {
  value: string
  text?: string
}

/** The context of a value: the command, its arguments so far, and the values of its flags. */
export interface Where {
  command: string
  given: readonly string[]
  flags: { readonly [name: string]: string }
}

const RUNS = 50

/** Values of a flag or an argument by its name; empty if any text is allowed. */
export async function listCompletionValues(name: string, where: Where): Promise<Candidate[]> {
  switch (name) {
    case 'state':
    case 'data':
    case 'config':
    case 'plan':
    case 'luigi-config':
    case 'folder':
      return [{ value: FILES }]
    case 'env':
      return deployments(await loadProjectOfFlags(where))
    case 'pipeline':
    case 'more':
      return pipelines(await loadProjectOfFlags(where), where.command)
    case 'run':
      return runs(where)
    case 'task':
      return listTaskCandidates(where)
    case 'force':
      return families(await loadProjectOfFlags(where))
    case 'status':
      return RUN_STATUSES.map((value) => ({ value }))
    case 'outcome':
      return [{ value: 'succeeded' }]
    case 'name':
      return listNameCandidates(where)
    default:
      return parameterValues(name, where)
  }
}

const loadProjectOfFlags = ({ flags }: Where): Promise<Project> =>
  loadProject(requireConfig(process.cwd(), flags.config))

/** Names of secrets for `secrets`, of pipelines and families for all others. */
async function listNameCandidates(where: Where): Promise<Candidate[]> {
  if (where.command.startsWith('secrets')) return listSecretCandidates(where)
  const project = await loadProjectOfFlags(where)
  return [...pipelines(project, where.command), ...families(project)]
}

function deployments({ environments }: Project): Candidate[] {
  return Object.entries(environments).flatMap(([value, { region }]) =>
    region === undefined ? [] : [{ value, text: region }],
  )
}

/** Pipelines; for commands on schedules only pipelines with a schedule. */
function pipelines({ pipelines }: Project, command: string): Candidate[] {
  const isScheduled = ['backfill', 'pause', 'resume'].includes(command)
  return [...pipelines.values()]
    .filter(({ schedule }) => !isScheduled || schedule !== undefined)
    .map(({ name, description }) => ({ value: name, text: description ?? 'pipeline' }))
}

const families = ({ tasks }: Project): Candidate[] =>
  [...tasks.keys()].map((value) => ({ value, text: 'task' }))

const listSecretCandidates = (where: Where): Promise<Candidate[]> =>
  askHere(where, async (control) => (await control.secrets()).map(({ name }) => ({ value: name })))

/** Asks for a list on this machine. A deployment is not called, because an answer takes too long while typing. */
async function askHere<T>({ flags }: Where, ask: (control: Control) => Promise<T[]>): Promise<T[]> {
  await using control = await openQuickControl({ state: findStateFolder(flags), env: flags.env })
  return control === undefined ? [] : await ask(control)
}

const findStateFolder = ({ state, config }: Where['flags']) =>
  state === undefined ? findDefaultState(config) : resolveFromStart(state)

/** The newest runs. */
async function runs(where: Where): Promise<Candidate[]> {
  const found = await askHere(where, async (control) => (await control.runs({ limit: RUNS })).runs)
  return [
    { value: 'latest', text: 'the newest run' },
    ...found.map(({ run, status, createdAt }) => ({
      value: run,
      text: `${status} ${formatInstant(createdAt)}`,
    })),
  ]
}

/** Families of the tasks of the run that the words before name. */
async function listTaskCandidates(where: Where): Promise<Candidate[]> {
  const [run] = where.given
  if (run === undefined) return []
  const tasks = await askHere(where, (control) => readAllTasks(control, { run }))
  const byFamily = Map.groupBy(tasks, ({ family }) => family)
  return [...byFamily].map(([value, { length }]) => ({
    value,
    text: length === 1 ? 'task' : `${length} tasks`,
  }))
}

/** Values of a parameter of the named pipeline or task. */
async function parameterValues(name: string, where: Where): Promise<Candidate[]> {
  const [root] = where.given
  if (root === undefined) return []
  const field = findRequestRoot(await loadProjectOfFlags(where), root).definition.fields[name]
  if (field === undefined) return []
  const values = findParameterKind(field) === 'day' ? ['today', 'yesterday'] : listFieldChoices(field)
  return values.map((value) => ({ value: String(value) }))
}
