import { availableParallelism } from 'node:os'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS } from '../control/log-search.ts'
import { RUN_STATUSES } from '../control/run-filter.ts'
import type { RunStatus } from '../core/records/status.ts'
import {
  cancelByOptions,
  markByOptions,
  pausePipeline,
  resumePipeline,
  retryByOptions,
} from './commands/act.ts'
import { diagnoseProject } from './commands/doctor.ts'
import { initAwsProject, initProject } from './commands/init.ts'
import { listBudgets, listPools } from './commands/limits.ts'
import { printLogs } from './commands/logs.ts'
import { listPipelines } from './commands/pipelines.ts'
import { pruneStateRuns } from './commands/prune.ts'
import { listRuns } from './commands/runs.ts'
import { listSecrets, removeSecret, setSecret } from './commands/secrets.ts'
import { showRunStatus } from './commands/status.ts'
import { showTaskReasons } from './commands/why.ts'
import { makeCompletionScript, SHELLS, type Shell } from './completion/scripts.ts'
import { EVERYWHERE, layOutCommandHelp } from './help.ts'
import { addLuigidFlags } from './luigid-flags.ts'
import { openTaskShell } from './open-control.ts'
import {
  type GlobalOptions,
  loadProjectIfAny,
  loadWorkingProject,
  parseBeginning,
  parseDuration,
  parseEnd,
  parsePort,
  parsePositiveInteger,
  parseSearchText,
  type Result,
} from './options.ts'
import { findDefaultState, resolveFromStart } from './place.ts'
import { version } from './version.ts'

/** Takes what a command gives back. */
export type Done = (result: Result) => void

const RUN = "RUN is an id, a unique prefix or latest; luigid is Luigi's scheduler"
const SELECTION = 'tasks such as "status=failed family=Match* date=2026-05-18"; docs/selection.md'

/** Flags of acts on many tasks. */
const addSelectionFlags = (command: Command): Command =>
  command
    .option('--where <selection>', `only ${SELECTION}; without RUN: of the newest run of each request`)
    .option('--dry-run', 'with --where: shows how many tasks that affects, and changes nothing')

/**
 * Every command whose flags are known beforehand. To add a command: write `commands/<name>.ts`, which asks control and renders; add
 * a line here, or in `work-commands.ts` if the parameters of NAME become flags; add its group and examples to `help.ts`; and add the
 * values of a new argument to `completion/values.ts`.
 */
export function makeProgram(done: Done, writeErr: (text: string) => void): Command {
  const program = layOutCommandHelp(new Command('sluice'))
    .description('Runs pipelines: decides what has to run, and runs it.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr })
    .showSuggestionAfterError()
    .showHelpAfterError('next: add --help to see what it takes.')
    .hook('preAction', (_, command) => {
      const { state, config } = command.opts()
      if (state === undefined) command.setOptionValueWithSource('state', findDefaultState(config), 'default')
    })
  addLookingCommands(program, done)
  addActingCommands(program, done)
  addShellCommand(program, done)
  addSecretCommands(program, done)
  addDeploymentCommands(program, done)
  command(program, 'init [folder]', 'makes a new project with an example')
    .option('--aws', 'adds what npx cdk deploy takes, also to a project that is there')
    .action((folder = '.', { aws }: { aws?: true }) =>
      done(aws ? initAwsProject(folder) : initProject(folder)),
    )
  command(program, 'completion', 'prints the script that makes a shell complete commands, names and runs')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell) => done({ data: { shell }, text: makeCompletionScript(shell).trimEnd() }))
  command(program, 'doctor', 'looks for what is wrong with this project').action(async (options) =>
    done(await diagnoseProject(options)),
  )
  return program
}

/** Commands inherit exitOverride only when they are made by the program. */
const command = (program: Command, name: string, description: string) =>
  addGlobalFlags(program.command(name).description(description))

function addLookingCommands(program: Command, done: Done): void {
  addEnvironmentFlag(command(program, 'pipelines', 'lists pipelines, their parameters and schedules')).action(
    async (options: GlobalOptions) => done(await listPipelines(await loadWorkingProject(options), options)),
  )
  addEnvironmentFlag(command(program, 'runs', 'lists runs, the newest first'))
    .option('--limit <n>', 'how many', parsePositiveInteger, 20)
    .option('--pipeline <name>', 'only runs of this pipeline or task family')
    .option('--status <status>', `${RUN_STATUSES.join(', ')}; several with a comma`, parseStatuses)
    .option('--failed', 'the same as --status failed')
    .option(
      '--since <time>',
      'started since: 2h, 7d, 2026-05-17 or 2026-05-17T10 (UTC), today, yesterday',
      parseBeginning,
    )
    .option('--until <time>', 'started until then, a day or hour included as a whole', parseEnd)
    .action(async (options) => done(await listRuns(options)))
  addEnvironmentFlag(
    command(program, 'status <run> [task]', `shows a run task by task, or one task in full; ${RUN}`),
  )
    .option('--task <task>', 'the same as TASK: Family, Family(k=v,…) or its number')
    .option('--failed', 'only tasks that failed')
    .option('--where <selection>', SELECTION)
    .action(async (wanted, task, options) => done(await showRunStatus(wanted, task, options)))
  addEnvironmentFlag(command(program, 'logs <run> [task]', 'prints log lines of a run or of one task'))
    .option('-f, --follow', 'goes on until the run has ended')
    .option('--tail <n>', 'only the last lines', parsePositiveInteger)
    .option('--attempt <n>', 'only this attempt', parsePositiveInteger)
    .option(
      '--grep <text>',
      'only lines that contain this text, as it is, in upper or lower case; exits with 1 if there is none',
      parseSearchText,
    )
    .addOption(
      new Option(
        '--level <level>',
        'only lines of this level and above; exits with 1 if there is none',
      ).choices(LOG_LEVELS),
    )
    .action(async (wanted, task, options) =>
      done(await printLogs(wanted, task, options, (line) => console.log(line))),
    )
  addEnvironmentFlag(
    command(program, 'why <run> <task>', 'says what a task waits for, since when, and when it can start'),
  ).action(async (wanted, task, options) => done(await showTaskReasons(wanted, task, options)))
  addEnvironmentFlag(command(program, 'budgets', 'shows what is spent and left of every budget')).action(
    async (options) => done(await listBudgets(await loadWorkingProject(options), options)),
  )
  addEnvironmentFlag(command(program, 'pools', 'shows pools and resources, and what waits for them')).action(
    async (options) => done(await listPools(await loadWorkingProject(options), options)),
  )
}

function addActingCommands(program: Command, done: Done): void {
  const retry = addContainerFlags(
    addRemoteWorkFlags(
      command(program, 'retry [run]', 'opens the next run of the same request, from what is complete'),
    ),
  )
    .option('--task <task>', 'makes only this task complete')
    .option('--yes', 'does not ask, though what runs in a run with failures is stopped, or many tasks run')
  addSelectionFlags(retry).action(async (wanted, options) =>
    done(await retryByOptions(await loadProjectIfAny(options), wanted, options)),
  )
  const cancel = addEnvironmentFlag(command(program, 'cancel [run]', 'stops a run, or some tasks of it'))
  addSelectionFlags(cancel)
    .option('--yes', 'with --where: does not ask')
    .action(async (wanted, options) =>
      done(await cancelByOptions(await loadProjectIfAny(options), wanted, options)),
    )
  const mark = addRemoteWorkFlags(
    command(
      program,
      'mark [run] [task] [outcome]',
      'counts a task, or selected ones, as succeeded, though their targets are not there',
    ),
  )
  addSelectionFlags(mark)
    .option('--yes', 'with --where: does not ask')
    .usage('RUN TASK succeeded | [RUN] succeeded --where SELECTION [options]')
    .action(async (first, second, third, options) => {
      const names = [first, second, third].filter((each) => each !== undefined)
      done(await markByOptions(await loadProjectIfAny(options), names, options))
    })
  addEnvironmentFlag(command(program, 'pause <pipeline>', 'stops a schedule')).action(
    async (pipeline, options) =>
      done(await pausePipeline(await loadWorkingProject(options), pipeline, options)),
  )
  addEnvironmentFlag(command(program, 'resume <pipeline>', 'lets a schedule start runs')).action(
    async (pipeline, options) =>
      done(await resumePipeline(await loadWorkingProject(options), pipeline, options)),
  )
  command(program, 'prune', 'forgets runs that ended long ago; targets stay')
    .requiredOption('--older-than <duration>', 'for example 30d', parseDuration)
    .option('--yes', 'does not ask, though it is more than half of all runs')
    .action(async (options) => done(await pruneStateRuns(options)))
  addPullFlag(
    addWorkFlags(
      command(program, 'dev', 'runs the engine, the schedules and a local API until it is stopped'),
    ),
  )
    .addOption(
      new Option('--port <port>', 'of the API on loopback; 0 takes a free one')
        .argParser(parsePort)
        .default(8080),
    )
    .option('--open', 'opens the console in the browser')
    .option('--read-only', 'console and API change nothing; the engine and the schedules go on')
    .addOption(
      new Option(
        '--luigid [port]',
        "also runs Luigi's central scheduler on loopback, on 8082 if no port is named",
      )
        .argParser(parsePort)
        .preset('8082'),
    )
    .action(async (options) => {
      // Only this command needs the API, whose modules take longer to load than most commands take.
      const { runDevServer } = await import('./commands/dev.ts')
      done(await runDevServer(await loadWorkingProject(options), options))
    })
  command(program, 'console', 'serves the console of a deployment on this machine until it is stopped')
    .requiredOption('--env <name>', 'a deployment of the config')
    .addOption(
      new Option('--port <port>', 'on loopback; 0 takes a free one').argParser(parsePort).default(8081),
    )
    .option('--open', 'opens the console in the browser')
    .option('--read-only', 'changes nothing')
    .action(async (options) => {
      const { serveDeploymentConsole } = await import('./remote/console.ts')
      done(await serveDeploymentConsole(options))
    })
  const scheduler = command(program, 'luigid', "runs Luigi's central scheduler for workers of Luigi")
  addLuigidFlags(scheduler).action(async (options) => {
    const { runLuigiScheduler } = await import('./commands/luigid.ts')
    done(await runLuigiScheduler(options))
  })
}

/** Statuses of runs, with commas between. */
function parseStatuses(text: string): RunStatus[] {
  return text.split(',').map((each) => {
    const status = RUN_STATUSES.find((known) => known === each.trim())
    if (status === undefined) throw new InvalidArgumentError(`It takes ${RUN_STATUSES.join(', ')}.`)
    return status
  })
}

function addShellCommand(program: Command, done: Done): void {
  const shell = command(
    program,
    'shell <run> <task>',
    "opens a shell in a task's container: where it runs, in what --keep has left, or in a fresh one",
  )
  addEnvironmentFlag(shell).action(async (run, task, options) => {
    done(await openTaskShell(run, task, options))
  })
}

function addSecretCommands(program: Command, done: Done): void {
  const secrets = program
    .command('secrets')
    .description('credentials of this machine, or of a deployment')
    .helpCommand(false)
  addEnvironmentFlag(command(secrets, 'set <name>', 'keeps a value from a prompt or standard input')).action(
    async (name, options) => done(await setSecret(name, options)),
  )
  addEnvironmentFlag(command(secrets, 'list', 'lists names')).action(async (options) =>
    done(await listSecrets(options)),
  )
  command(secrets, 'remove <name>', 'forgets a secret').action(async (name, options) =>
    done(await removeSecret(name, options)),
  )
}

function addDeploymentCommands(program: Command, done: Done): void {
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
        const { deployProject } = await import('./remote/deploy.ts')
        done(await deployProject(verb, options))
      })
  command(program, 'destroy', 'removes a deployment; its records, targets, logs and secrets stay')
    .requiredOption('--env <name>', 'an environment of the config with a region')
    .option('--yes', 'does not ask')
    .option('--cancel', 'cancels open runs')
    .option('--wait <duration>', 'waits so long for open runs to end', parseDuration)
    .option('--logs', 'removes the log groups as well')
    .option('--secrets', 'removes the secrets as well')
    .option('--remove-data', 'lets go what holds data or secrets and the stack does not keep')
    .action(async (options) => {
      const { destroyDeployment } = await import('./remote/destroy.ts')
      done(await destroyDeployment(options))
    })
}

/** Flags that every command takes. */
export function addGlobalFlags(command: Command): Command {
  const flags = [
    new Option('--state <folder>', 'where runs are kept; default .sluice beside the config').argParser(
      resolveFromStart,
    ),
    new Option('--data <folder>', "where targets are kept; default the environment's storage").argParser(
      resolveFromStart,
    ),
    new Option('--config <file>', 'default sluice.config.ts of this folder, or of one above it'),
    new Option('--json', 'prints data instead of text; lists are JSON Lines'),
  ]
  for (const flag of flags) command.addOption(flag.helpGroup(EVERYWHERE))
  return command.addHelpOption(new Option('-h, --help', 'shows this help').helpGroup(EVERYWHERE))
}

/** The flag of commands that act on a deployment as well. */
export function addEnvironmentFlag(command: Command): Command {
  return command.option('--env <name>', 'a deployment of the config, instead of this machine')
}

/** Flags of commands that run tasks. */
export function addWorkFlags(command: Command): Command {
  return command
    .option('--concurrency <n>', 'how many tasks run at once', parsePositiveInteger, availableParallelism())
    .option(
      '--wait <duration>',
      'gives up when nothing can start for this long (default: 60s)',
      parseDuration,
    )
    .option('--inline', 'runs bodies in this process: no isolation, quick to start')
}

/** Flags of commands that run tasks in containers and end. */
export const addContainerFlags = (command: Command): Command =>
  addPullFlag(command).option('--keep', 'leaves containers that failed, for sluice shell')

const addPullFlag = (command: Command): Command =>
  command.option('--pull', 'pulls or builds images of containers once more at their first use')

/** Flags of commands that run tasks here or, with `--env`, have a deployment run them. */
export function addRemoteWorkFlags(command: Command): Command {
  return addEnvironmentFlag(addWorkFlags(command)).option('--detach', 'with --env: does not follow the run')
}
