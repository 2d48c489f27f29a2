import { parseArgs } from 'node:util'
import type { Command } from 'commander'
import type { StartRequest } from '../control/control.ts'
import { findRequestRoot, type Root } from '../control/requests.ts'
import { SluiceError } from '../core/errors.ts'
import type { Params } from '../core/json.ts'
import { readGivenParameters } from '../define/given-params.ts'
import { describeBrokenModule } from '../project/check-definitions.ts'
import { loadProject, type Project, requireConfig } from '../project/load-config.ts'
import { backfillPipelines } from './commands/backfill.ts'
import { showPlan } from './commands/plan.ts'
import { readPlanRequest, runRequest } from './commands/run.ts'
import { addLuigiFlags } from './luigi-flags.ts'
import { loadProjectIfAny, parsePositiveInteger } from './options.ts'
import { addParameterFlags } from './parameters.ts'
import {
  addContainerFlags,
  addEnvironmentFlag,
  addGlobalFlags,
  addRemoteWorkFlags,
  addWorkFlags,
  type Done,
} from './program.ts'

const MAX_ACTIVE = 8

/** What NAME of the command line means, and the project that says so. */
interface Named {
  project: Project
  root: Root
}

/** NAME, or the project that a plan from elsewhere runs beside. */
type Subject = Named | { project: Project; root?: undefined }

type Options = Record<string, unknown> & { param?: string[]; force?: true | string; plan?: string }

/** `run`, `plan` and `backfill` take flags that only NAME's parameters tell, so NAME is looked up first. */
export async function addWorkCommands(program: Command, args: string[], done: Done): Promise<void> {
  const subject = await findSubject(args)
  const run = addContainerFlags(addRemoteWorkFlags(addGlobalFlags(program.command('run [name]'))))
    .description('makes a pipeline or task complete')
    .option('--plan <file>', 'runs a plan that was made elsewhere; - is standard input')
  const plan = addEnvironmentFlag(addGlobalFlags(program.command('plan <name>'))).description(
    'shows what would run, and why',
  )
  for (const command of [run, plan])
    command
      .usage('NAME [--PARAM VALUE …] [options]')
      .option('--force [task]', 'runs the root again, or this task and what is downstream of it')
  const fill = addEnvironmentFlag(
    addWorkFlags(addGlobalFlags(program.command('backfill <pipeline> [more...]'))),
  )
    .description('runs every interval of a range that is not complete, of one pipeline or several')
    .usage('PIPELINE [PIPELINE …] --from TIME --to TIME [--PARAM VALUE …] [options]')
    .requiredOption('--from <time>', 'the first interval: 2026-05-17, 2026-05-17T10 or 2026-05-17T10:15')
    .requiredOption('--to <time>', 'the last one, included as a whole')
    .option('--max-active-runs <n>', 'how many runs are open at once', parsePositiveInteger, MAX_ACTIVE)
    .option('--dry-run', 'shows how many intervals would run, and starts nothing')
    .option('--yes', 'does not ask, however many intervals there are')
  const fields = subject?.root?.definition.fields ?? {}
  for (const command of subject?.root === undefined ? [] : [run, plan, fill])
    addParameterFlags(command, fields)

  run.action(async (name: string | undefined, options) => {
    const { project, request } = await readWork(subject, name, options)
    warnBroken(project)
    done(await runRequest(project, request, options))
  })
  plan.action(async (name, options) => {
    const { project, root } = subject as Named
    warnBroken(project)
    done(await showPlan(project, namedRequest(name, root, options), options))
  })
  fill.action(async (name: string, more: string[], options) => {
    const { project, root } = subject as Named
    warnBroken(project)
    // Parameters of these names are given with -p.
    const { from: _, to: __, yes: ___, maxActiveRuns: ____, dryRun: _____, ...others } = options
    const params = readGivenParams(root, others)
    refuseSharedParams(params, more)
    done(await backfillPipelines(project, [...new Set([name, ...more])], params, options))
  })
  addLuigiCommand(program, done)
}

/** A parameter of one pipeline may mean something else to another, or be unknown there. */
function refuseSharedParams(params: Params, more: string[]): void {
  const [name] = Object.keys(params)
  if (name === undefined || more.length === 0) return
  throw new SluiceError('invalid_usage', `${name} is given, but there are several pipelines.`, {
    hint: 'Backfill pipelines with parameters one by one.',
  })
}

/** `luigi` takes the flags of the command that it stands for, which only Luigi knows. */
function addLuigiCommand(program: Command, done: Done): void {
  const command = addWorkFlags(addGlobalFlags(program.command('luigi [flags...]')))
  addLuigiFlags(command.description('runs tasks of Luigi as they are')).action(
    async (flags: string[], options, self: Command) => {
      const { runLuigiTasks } = await import('./commands/luigi.ts')
      const isConcurrencyGiven = self.getOptionValueSource('concurrency') === 'cli'
      done(await runLuigiTasks(await loadProjectIfAny(options), flags, { ...options, isConcurrencyGiven }))
    },
  )
}

/** What `run` is asked for: a pipeline or task by name, or a plan from elsewhere. */
async function readWork(
  subject: Subject | undefined,
  name: string | undefined,
  options: Options,
): Promise<{ project: Project; request: StartRequest }> {
  const { plan, force } = options
  if (subject?.root !== undefined) {
    const { project, root } = subject
    if (plan === undefined) return { project, request: namedRequest(root.name, root, options) }
    throw new SluiceError('invalid_usage', `It takes either ${root.name} or --plan ${plan}, not both.`)
  }
  if (subject === undefined || plan === undefined || name !== undefined)
    throw new SluiceError('invalid_usage', 'It takes the name of a pipeline or task, or --plan FILE.', {
      hint: 'sluice pipelines lists the pipelines.',
    })
  if (force !== undefined)
    throw new SluiceError(
      'invalid_usage',
      '--force is for tasks of the config, not for a plan from elsewhere.',
      { hint: 'Remove the outputs that are to be made again, then run the plan.' },
    )
  return { project: subject.project, request: await readPlanRequest(plan) }
}

function namedRequest(name: string, root: Root, options: Options) {
  const { force } = options
  return { name, params: readGivenParams(root, options), ...(force === undefined ? {} : { force }) }
}

function readGivenParams({ definition, pipeline }: Root, options: Options): Params {
  const timeZone = pipeline?.schedule?.timeZone ?? 'UTC'
  return readGivenParameters(definition.fields, options, options.param ?? [], timeZone) as Params
}

async function findSubject(args: string[]): Promise<Subject | undefined> {
  const string = { type: 'string' } as const
  const { positionals, values } = parseArgs({
    args,
    strict: false,
    allowPositionals: true,
    options: {
      state: string,
      data: string,
      config: string,
      env: string,
      concurrency: string,
      wait: string,
      plan: string,
      from: string,
      to: string,
      'max-active-runs': string,
      param: { ...string, short: 'p' },
    },
  })
  const [command, name] = positionals
  if (!['run', 'plan', 'backfill'].includes(command ?? '')) return undefined
  const config = typeof values.config === 'string' ? values.config : undefined
  if (name === undefined)
    return values.plan === undefined ? undefined : { project: await loadProjectIfAny({ config }) }
  const project = await loadProject(requireConfig(process.cwd(), config))
  return { project, root: findRequestRoot(project, name) }
}

function warnBroken(project: Project): void {
  for (const each of [...project.broken, ...project.doubtful])
    console.error(`warning: ${describeBrokenModule(each)}`)
}
