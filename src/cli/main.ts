import '../local/resolve-self.ts'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Command, CommanderError } from 'commander'
import { messageOf, SluiceError } from '../core/errors.ts'
import type { Project } from '../local/load-config.ts'
import { cancel, retryRun } from './commands/act.ts'
import { diagnose } from './commands/doctor.ts'
import { initProject } from './commands/init.ts'
import { printLogs } from './commands/logs.ts'
import { listPipelines, listRuns, showStatus } from './commands/look.ts'
import { planRequest } from './commands/plan.ts'
import { runRequest } from './commands/run.ts'
import { listSecrets, removeSecret, setSecret } from './commands/secrets.ts'
import { EXIT } from './exit.ts'
import { duration, type GlobalOptions, positiveInteger, projectOf, type Result } from './options.ts'
import { addParameterFlags, givenParameters } from './parameters.ts'
import { findRoot, type Root, requestFor } from './roots.ts'
import { version } from './version.ts'

/** Runs the command and exits with its code. */
export async function main(args: string[]): Promise<void> {
  const exitCode = await run(args)
  // A pipe takes what is written in its own time.
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => resolve()))
  process.exit(exitCode)
}

async function run(args: string[]): Promise<number> {
  let exitCode: number = EXIT.done
  const isJson = args.includes('--json')
  const done = (result: Result) => {
    print(result, isJson)
    exitCode = result.exitCode ?? EXIT.done
  }
  try {
    const program = makeProgram(done, isJson ? () => {} : (text) => process.stderr.write(text))
    await addRootCommands(program, args, done)
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, isJson)
  }
}

function print({ data, text }: Result, isJson: boolean): void {
  if (!isJson) console.log(text)
  else if (Array.isArray(data)) for (const line of data) console.log(JSON.stringify(line))
  else console.log(JSON.stringify(data))
}

/** Every error ends here: what was wrong, what is allowed, the next step. */
function report(error: unknown, isJson: boolean): number {
  if (error instanceof CommanderError) return reportUsage(error, isJson)
  if (error instanceof Error && ('syscall' in error || 'errcode' in error)) {
    console.error(`error: ${error.message}\nnext: Look at the permissions and the room of that file system.`)
    return EXIT.system
  }
  if (!(error instanceof SluiceError)) {
    console.error(`error: ${messageOf(error)}`)
    console.error('next: this looks like a defect of Sluice; SLUICE_DEBUG=1 shows where it happened.')
    if (process.env.SLUICE_DEBUG) console.error(error)
    return EXIT.system
  }
  const { code, message, hint } = error
  if (isJson) console.error(JSON.stringify({ error: code, message, hint: hint ?? null }))
  else console.error(`error: ${message}${hint === undefined ? '' : `\nnext: ${hint}`}`)
  return error.source === 'user' ? EXIT.usage : EXIT.system
}

/** The command line's parser has told it already, but for `--json`. */
function reportUsage({ exitCode, message }: CommanderError, isJson: boolean): number {
  if (exitCode === 0) return EXIT.done
  const told = { error: 'invalid_usage', message: message.replace(/^error: /, ''), hint: null }
  if (isJson) console.error(JSON.stringify(told))
  return EXIT.usage
}

type Done = (result: Result) => void

function makeProgram(done: Done, writeErr: (text: string) => void): Command {
  const program = new Command('sluice')
    .description('Runs pipelines: decides what has to run, and runs it.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr })
    .configureHelp({ showGlobalOptions: false })
    .showSuggestionAfterError()
  // Commands inherit exitOverride only when they are made by the program.
  const command = (name: string, description: string) =>
    withGlobals(program.command(name).description(description))

  command('pipelines', 'lists pipelines and their parameters').action(async (options: GlobalOptions) =>
    done(listPipelines(await projectOf(options))),
  )
  command('runs', 'lists runs, the newest first')
    .option('--limit <n>', 'how many', positiveInteger, 20)
    .action(async (options) => done(await listRuns(options)))
  command('status <run>', 'shows a run task by task; RUN is an id, a unique prefix or latest')
    .option('--task <task>', 'only this task: Family, Family(k=v,…) or its number')
    .action(async (wanted, options) => done(await showStatus(wanted, options)))
  command('logs <run> [task]', 'prints log lines of a run or of one task')
    .option('-f, --follow', 'goes on until the run has ended')
    .option('--tail <n>', 'only the last lines', positiveInteger)
    .option('--attempt <n>', 'only this attempt', positiveInteger)
    .action((wanted, task, options) => printLogs(wanted, task, options, (line) => console.log(line)))
  withWorkFlags(command('retry <run>', 'opens the next run of the same request, from what is complete'))
    .option('--task <task>', 'makes only this task complete')
    .action(async (wanted, options) => done(await retryRun(await projectOf(options), wanted, options)))
  command('cancel <run>', 'stops a run').action(async (wanted, options) =>
    done(await cancel(wanted, options)),
  )
  const secrets = program.command('secrets').description('credentials of this machine')
  withGlobals(
    secrets.command('set <name>').description('keeps a value from a prompt or standard input'),
  ).action(async (name, options) => done(await setSecret(name, options)))
  withGlobals(secrets.command('list').description('lists names')).action((options) =>
    done(listSecrets(options)),
  )
  withGlobals(secrets.command('remove <name>').description('forgets a secret')).action((name, options) =>
    done(removeSecret(name, options)),
  )
  command('init [folder]', 'makes a new project with an example').action((folder = '.') =>
    done(initProject(folder)),
  )
  command('doctor', 'looks for what is wrong with this project').action(async (options) =>
    done(await diagnose(options)),
  )
  return program
}

function withGlobals(command: Command): Command {
  return command
    .option('--state <folder>', 'where runs are kept', '.sluice')
    .option('--data <folder>', "where targets are kept; default the environment's storage")
    .option('--config <file>', 'default sluice.config.ts')
    .option('--json', 'prints data instead of text')
}

function withWorkFlags(command: Command): Command {
  return command
    .option('--concurrency <n>', 'how many tasks run at once', positiveInteger, availableParallelism())
    .option('--wait <duration>', 'gives up when nothing can start for this long (default: 60s)', duration)
    .option('--inline', 'runs bodies in this process: no isolation, quick to start')
}

/** `run NAME` and `plan NAME` take flags that only NAME's parameters tell, so NAME is looked up first. */
async function addRootCommands(program: Command, args: string[], done: Done): Promise<void> {
  const named = await lookUp(args)
  const run = withWorkFlags(withGlobals(program.command('run <name>'))).description(
    'makes a pipeline or task complete',
  )
  const plan = withGlobals(program.command('plan <name>')).description('shows what would run, and why')
  for (const command of [run, plan]) {
    command.usage('NAME [--PARAM VALUE …] [options]')
    if (named) addParameterFlags(command, named.root.definition.fields)
  }
  const request = (options: Record<string, unknown>) => {
    const { root, project } = named as Named
    const given = givenParameters(root.definition.fields, options, options.param as string[], new Date())
    return { project, request: requestFor(root, given) }
  }
  run.action(async (_, options) => {
    const { project, request: wanted } = request(options)
    warnBroken(project)
    done(await runRequest(project, wanted, options))
  })
  plan.action(async (_, options) => {
    const { project, request: wanted } = request(options)
    warnBroken(project)
    done(await planRequest(project, wanted, options))
  })
}

interface Named {
  project: Project
  root: Root
}

async function lookUp(args: string[]): Promise<Named | undefined> {
  const string = { type: 'string' } as const
  const { positionals, values } = parseArgs({
    args,
    strict: false,
    allowPositionals: true,
    options: {
      state: string,
      data: string,
      config: string,
      concurrency: string,
      wait: string,
      param: { ...string, short: 'p' },
    },
  })
  const [command, name] = positionals
  if ((command !== 'run' && command !== 'plan') || name === undefined) return undefined
  const config = typeof values.config === 'string' ? { config: values.config } : {}
  const project = await projectOf({ state: '', ...config })
  return { project, root: findRoot(project, name) }
}

function warnBroken(project: Project): void {
  for (const { path, message } of project.broken)
    console.error(`warning: ${path} did not load, its pipelines are missing: ${message}`)
}
