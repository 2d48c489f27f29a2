import { availableParallelism } from 'node:os'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { RUN_STATUSES } from '../control/run-filter.ts'
import type { RunStatus } from '../core/records/status.ts'
import { cancel, mark, pause, resume, retryRun } from './commands/act.ts'
import { dev } from './commands/dev.ts'
import { diagnose } from './commands/doctor.ts'
import { initAws, initProject } from './commands/init.ts'
import { listBudgets, listPools } from './commands/limits.ts'
import { printLogs } from './commands/logs.ts'
import { listPipelines } from './commands/pipelines.ts'
import { pruneRuns } from './commands/prune.ts'
import { listRuns } from './commands/runs.ts'
import { listSecrets, removeSecret, setSecret } from './commands/secrets.ts'
import { showStatus } from './commands/status.ts'
import { explainTask } from './commands/why.ts'
import { completionScript, SHELLS, type Shell } from './completion/scripts.ts'
import { EVERYWHERE, layOutHelp } from './help.ts'
import {
  beginOf,
  duration,
  endOf,
  type GlobalOptions,
  positiveInteger,
  projectIfAny,
  projectOf,
  type Result,
} from './options.ts'
import { defaultState, fromStart } from './place.ts'
import { version } from './version.ts'

/** Takes what a command gives back. */
export type Done = (result: Result) => void

const RUN = 'RUN is an id, a unique prefix or latest'

/** Every command whose flags are known beforehand. */
export function makeProgram(done: Done, writeErr: (text: string) => void): Command {
  const program = layOutHelp(new Command('sluice'))
    .description('Runs pipelines: decides what has to run, and runs it.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr })
    .showSuggestionAfterError()
    .showHelpAfterError('next: add --help to see what it takes.')
    .hook('preAction', (_, command) => {
      const { state, config } = command.opts()
      if (state === undefined) command.setOptionValueWithSource('state', defaultState(config), 'default')
    })
  addLooks(program, done)
  addActs(program, done)
  addSecrets(program, done)
  addDeployments(program, done)
  command(program, 'init [folder]', 'makes a new project with an example')
    .option('--aws', 'adds what npx cdk deploy takes, also to a project that is there')
    .action((folder = '.', { aws }: { aws?: true }) => done(aws ? initAws(folder) : initProject(folder)))
  command(program, 'completion', 'prints the script that makes a shell complete commands, names and runs')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell) => done({ data: { shell }, text: completionScript(shell).trimEnd() }))
  command(program, 'doctor', 'looks for what is wrong with this project').action(async (options) =>
    done(await diagnose(options)),
  )
  return program
}

/** Commands inherit exitOverride only when they are made by the program. */
const command = (program: Command, name: string, description: string) =>
  withGlobals(program.command(name).description(description))

function addLooks(program: Command, done: Done): void {
  withEnvironment(command(program, 'pipelines', 'lists pipelines, their parameters and schedules')).action(
    async (options: GlobalOptions) => done(await listPipelines(await projectOf(options), options)),
  )
  withEnvironment(command(program, 'runs', 'lists runs, the newest first'))
    .option('--limit <n>', 'how many', positiveInteger, 20)
    .option('--pipeline <name>', 'only runs of this pipeline or task family')
    .option('--status <status>', `${RUN_STATUSES.join(', ')}; several with a comma`, statuses)
    .option('--failed', 'the same as --status failed')
    .option(
      '--since <time>',
      'started since: 2h, 7d, 2026-05-17 or 2026-05-17T10 (UTC), today, yesterday',
      beginOf,
    )
    .option('--until <time>', 'started until then, a day or hour included as a whole', endOf)
    .action(async (options) => done(await listRuns(options)))
  withEnvironment(
    command(program, 'status <run> [task]', `shows a run task by task, or one task in full; ${RUN}`),
  )
    .option('--task <task>', 'the same as TASK: Family, Family(k=v,…) or its number')
    .option('--failed', 'only tasks that failed')
    .action(async (wanted, task, options) => done(await showStatus(wanted, task, options)))
  withEnvironment(command(program, 'logs <run> [task]', 'prints log lines of a run or of one task'))
    .option('-f, --follow', 'goes on until the run has ended')
    .option('--tail <n>', 'only the last lines', positiveInteger)
    .option('--attempt <n>', 'only this attempt', positiveInteger)
    .action((wanted, task, options) => printLogs(wanted, task, options, (line) => console.log(line)))
  withEnvironment(
    command(program, 'why <run> <task>', 'says what a task waits for, since when, and when it can start'),
  ).action(async (wanted, task, options) => done(await explainTask(wanted, task, options)))
  withEnvironment(command(program, 'budgets', 'shows what is spent and left of every budget')).action(
    async (options) => done(await listBudgets(await projectOf(options), options)),
  )
  withEnvironment(command(program, 'pools', 'shows pools and resources, and what waits for them')).action(
    async (options) => done(await listPools(await projectOf(options), options)),
  )
}

function addActs(program: Command, done: Done): void {
  withRemoteWork(
    command(program, 'retry <run>', 'opens the next run of the same request, from what is complete'),
  )
    .option('--task <task>', 'makes only this task complete')
    .option('--yes', 'stops, without asking, what still runs in an open run in which something failed')
    .action(async (wanted, options) => done(await retryRun(await projectIfAny(options), wanted, options)))
  withEnvironment(command(program, 'cancel <run>', 'stops a run')).action(async (wanted, options) =>
    done(await cancel(wanted, options)),
  )
  withRemoteWork(
    command(
      program,
      'mark <run> <task> <outcome>',
      'counts a task as succeeded, though its target is not there',
    ),
  ).action(async (wanted, task, outcome, options) =>
    done(await mark(await projectIfAny(options), { run: wanted, task, outcome }, options)),
  )
  withEnvironment(command(program, 'pause <pipeline>', 'stops a schedule')).action(
    async (pipeline, options) => done(await pause(await projectOf(options), pipeline, options)),
  )
  withEnvironment(command(program, 'resume <pipeline>', 'lets a schedule start runs')).action(
    async (pipeline, options) => done(await resume(await projectOf(options), pipeline, options)),
  )
  command(program, 'prune', 'forgets runs that ended long ago; targets stay')
    .requiredOption('--older-than <duration>', 'for example 30d', duration)
    .option('--yes', 'does not ask, though it is more than half of all runs')
    .action(async (options) => done(await pruneRuns(options)))
  withWorkFlags(command(program, 'dev', 'runs the engine, the schedules and a local API until it is stopped'))
    .addOption(
      new Option('--port <port>', 'of the API on loopback; 0 takes a free one').argParser(port).default(8080),
    )
    .action(async (options) => done(await dev(await projectOf(options), options)))
}

/** Statuses of runs, with commas between. */
function statuses(text: string): RunStatus[] {
  return text.split(',').map((each) => {
    const status = RUN_STATUSES.find((known) => known === each.trim())
    if (status === undefined) throw new InvalidArgumentError(`It takes ${RUN_STATUSES.join(', ')}.`)
    return status
  })
}

const MAX_PORT = 65_535

function port(text: string): number {
  if (text === '0') return 0
  const value = positiveInteger(text)
  if (value > MAX_PORT) throw new InvalidArgumentError(`It takes a port up to ${MAX_PORT}.`)
  return value
}

function addSecrets(program: Command, done: Done): void {
  const secrets = program
    .command('secrets')
    .description('credentials of this machine, or of a deployment')
    .helpCommand(false)
  withEnvironment(command(secrets, 'set <name>', 'keeps a value from a prompt or standard input')).action(
    async (name, options) => done(await setSecret(name, options)),
  )
  command(secrets, 'list', 'lists names').action(async (options) => done(await listSecrets(options)))
  command(secrets, 'remove <name>', 'forgets a secret').action(async (name, options) =>
    done(await removeSecret(name, options)),
  )
}

function addDeployments(program: Command, done: Done): void {
  const verbs = {
    deploy: 'puts the pipelines of the config on AWS',
    diff: 'shows what deploying would change',
  }
  for (const verb of ['deploy', 'diff'] as const)
    command(program, verb, verbs[verb])
      .requiredOption('--env <name>', 'an environment of the config with a region')
      .option('--yes', 'does not ask')
      .option('--code', "replaces the pipelines' code alone: no image is built")
      .option('--ref <ref>', 'a commit, branch or tag instead of the local tree')
      .option('--remove-data', 'lets go what holds data or secrets and has no place in the config any more')
      .addOption(
        new Option(
          '--architecture <name>',
          'of containers (default: that of this machine); what builds them must be able to',
        ).choices(['arm64', 'x86_64']),
      )
      .action(async (options) => {
        const { deploy } = await import('./remote/deploy.ts')
        done(await deploy(verb, options))
      })
  command(program, 'destroy', 'removes a deployment; its records, targets, logs and secrets stay')
    .requiredOption('--env <name>', 'an environment of the config with a region')
    .option('--yes', 'does not ask')
    .option('--cancel', 'cancels open runs')
    .option('--wait <duration>', 'waits so long for open runs to end', duration)
    .option('--logs', 'removes the log groups as well')
    .option('--secrets', 'removes the secrets as well')
    .option('--remove-data', 'lets go what holds data or secrets and the stack does not keep')
    .action(async (options) => {
      const { destroy } = await import('./remote/destroy.ts')
      done(await destroy(options))
    })
  command(program, 'shell <run> <task>', "opens a shell in a task's container, or in a fresh one of its pool")
    .requiredOption('--env <name>', 'a deployment of the config')
    .action(async (run, task, options) => {
      const { openShell } = await import('./remote/shell.ts')
      done(await openShell(run, task, options))
    })
}

/** Flags that every command takes. */
export function withGlobals(command: Command): Command {
  const flags = [
    new Option('--state <folder>', 'where runs are kept; default .sluice beside the config').argParser(
      fromStart,
    ),
    new Option('--data <folder>', "where targets are kept; default the environment's storage").argParser(
      fromStart,
    ),
    new Option('--config <file>', 'default sluice.config.ts of this folder, or of one above it'),
    new Option('--json', 'prints data instead of text; lists are JSON Lines'),
  ]
  for (const flag of flags) command.addOption(flag.helpGroup(EVERYWHERE))
  return command.addHelpOption(new Option('-h, --help', 'shows this help').helpGroup(EVERYWHERE))
}

/** The flag of commands that act on a deployment as well. */
export function withEnvironment(command: Command): Command {
  return command.option('--env <name>', 'a deployment of the config, instead of this machine')
}

/** Flags of commands that run tasks. */
export function withWorkFlags(command: Command): Command {
  return command
    .option('--concurrency <n>', 'how many tasks run at once', positiveInteger, availableParallelism())
    .option('--wait <duration>', 'gives up when nothing can start for this long (default: 60s)', duration)
    .option('--inline', 'runs bodies in this process: no isolation, quick to start')
}

/** Flags of commands that run tasks here or, with `--env`, have a deployment run them. */
export function withRemoteWork(command: Command): Command {
  return withEnvironment(withWorkFlags(command)).option('--detach', 'with --env: does not follow the run')
}
