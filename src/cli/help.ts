import { Command, Help, type Option } from 'commander'
import { EXIT_MEANINGS } from './exit.ts'

/** What a command's help says besides its flags. */
interface CommandHelp {
  group: string
  /** Command lines without `sluice`, and what they do. */
  examples: [line: string, does: string][]
}

const RUN = 'Run:'
const LOOK = 'Look:'
const ACT = 'Act on runs:'
const SCHEDULES = 'Schedules and engine:'
const DEPLOY = 'Deploy on AWS:'
const PROJECT = 'Project:'
/** In the order of the help: what a newcomer needs first. */
const GROUPS = [RUN, LOOK, ACT, SCHEDULES, DEPLOY, PROJECT]

/** Flags that every command takes; shown last. */
export const EVERYWHERE = 'Every command:'

const HELP: { [command: string]: CommandHelp } = {
  run: {
    group: RUN,
    examples: [
      ['run visits --date yesterday', 'makes the pipeline complete for a day'],
      ['run Count -p date=2026-01-31', 'makes one task complete, with what it requires'],
      ['run visits --date 2026-01-31 --force', 'runs the root again though its target is there'],
      ['run visits --date yesterday --wait 10m', 'gives up when nothing can start for ten minutes'],
      ['run --plan plan.jsonl', 'runs a plan that another program made'],
      ['run visits --date yesterday --env prod --detach', 'starts it on a deployment, without following'],
    ],
  },
  plan: {
    group: RUN,
    examples: [
      ['plan visits --date yesterday', 'shows what would run and what is complete'],
      ['plan visits --date yesterday --force Count', 'the same, if Count runs again'],
      ['plan visits --date yesterday --json > plan.jsonl', 'writes the plan itself'],
    ],
  },
  backfill: {
    group: RUN,
    examples: [
      ['backfill visits --from 2026-01-01 --to 2026-01-31', 'runs each day of January that is not complete'],
      [
        'backfill visits sales --from 2026-01-01 --to 2026-01-31 --dry-run',
        'counts what two pipelines would run',
      ],
      ['backfill hourly --from 2026-05-17T10 --to 2026-05-17T12', 'three hours'],
    ],
  },
  luigi: {
    group: RUN,
    examples: [
      ['luigi --module reports Daily --date 2026-01-31', 'as the command luigi, with its own flags'],
      ['luigi --module reports Daily --date 2026-01-31 --plan', 'shows what would run'],
      ['luigi --python .venv/bin/python --module reports Daily', 'in the Python that has the tasks'],
      ['luigi --module reports Daily -- --state CA', 'a flag of the task that Sluice has as well'],
    ],
  },
  pipelines: { group: LOOK, examples: [['pipelines', 'names, parameters and schedules']] },
  runs: {
    group: LOOK,
    examples: [
      ['runs --failed --since 24h', 'what failed since yesterday'],
      ['runs --pipeline visits --limit 5', 'the last five of a pipeline'],
      ['runs --env prod', 'runs of a deployment'],
    ],
  },
  status: {
    group: LOOK,
    examples: [
      ['status latest', 'the newest run task by task'],
      ['status latest Count', 'one task in full: attempts, outputs, result'],
      ['status latest --where "family=Match* status!=succeeded"', 'only tasks of a selection'],
      ['status visits-1a2b --failed', 'only what failed; a unique prefix of the id is enough'],
    ],
  },
  logs: {
    group: LOOK,
    examples: [
      ['logs latest -f', 'follows the newest run'],
      ['logs latest Count --attempt 1', 'what the first attempt of a task said'],
      ['logs latest --grep timeout --level warn', 'warnings and errors of all its tasks with this text'],
    ],
  },
  shell: {
    group: LOOK,
    examples: [
      ['shell latest Train', 'in the image of the task, with its inputs, environment and secrets'],
      ['run train --keep', 'leaves what failed, which the same command then opens'],
      ['shell latest Train --env prod', 'in a container of the deployment, with your own AWS credentials'],
    ],
  },
  why: { group: LOOK, examples: [['why latest Count', 'what a task waits for, and until when']] },
  budgets: { group: LOOK, examples: [['budgets', 'what is spent and left, and when the window turns']] },
  pools: { group: LOOK, examples: [['pools', 'what runs and what waits, by pool']] },
  retry: {
    group: ACT,
    examples: [
      ['retry latest', 'runs again what failed and what depends on it'],
      ['retry latest --task Count', 'makes only this task complete'],
      ['retry latest --where "status=failed family=Match*"', 'runs selected tasks again, after a question'],
      ['retry --where "pipeline=visits interval>=2026-05-01" --dry-run', 'counts them in many runs'],
    ],
  },
  cancel: {
    group: ACT,
    examples: [
      ['cancel latest', 'stops the newest run'],
      ['cancel latest --where "downstream-of=Download"', 'stops some tasks; the run goes on'],
    ],
  },
  mark: {
    group: ACT,
    examples: [
      ['mark latest Count succeeded', 'counts a task as done; what depends on it runs'],
      ['mark latest succeeded --where "status=failed" --yes', 'the same for all that failed'],
    ],
  },
  prune: {
    group: ACT,
    examples: [['prune --older-than 30d', 'forgets what ended a month ago; targets stay']],
  },
  dev: {
    group: SCHEDULES,
    examples: [
      ['dev', 'starts due schedules and works on every open run'],
      ['dev --port 0', 'with any free port'],
    ],
  },
  console: {
    group: LOOK,
    examples: [['console --env prod --open', 'the console of a deployment, in the browser of this machine']],
  },
  luigid: {
    group: SCHEDULES,
    examples: [
      ['luigid', 'for workers that are started with --scheduler-url http://127.0.0.1:8082'],
      ['luigid --host 0.0.0.0', 'also for workers on other machines, which need a token'],
      ['luigid --luigi-config luigi.cfg', 'with the resources and delays of this file'],
    ],
  },
  pause: { group: SCHEDULES, examples: [['pause visits', 'starts no new runs; open ones go on']] },
  resume: { group: SCHEDULES, examples: [['resume visits', 'lets the schedule start runs']] },
  deploy: {
    group: DEPLOY,
    examples: [
      ['deploy --env prod', 'makes the deployment, or brings it up to date'],
      ['deploy --env prod --code', "replaces the pipelines' code alone"],
    ],
  },
  diff: { group: DEPLOY, examples: [['diff --env prod', 'what deploying would change']] },
  destroy: { group: DEPLOY, examples: [['destroy --env prod', 'removes it; records and targets stay']] },
  init: {
    group: PROJECT,
    examples: [
      ['init', 'in this folder'],
      ['init pipelines-of-mine', 'in a new one'],
    ],
  },
  doctor: { group: PROJECT, examples: [['doctor', 'looks at Node, config, storage, state and secrets']] },
  secrets: { group: PROJECT, examples: [] },
  'secrets set': {
    group: PROJECT,
    examples: [
      ['secrets set site/key', 'asks for the value'],
      ['secrets set site/key < key.txt', 'takes it from a file'],
    ],
  },
  'secrets list': { group: PROJECT, examples: [['secrets list', 'names; values are never shown']] },
  'secrets remove': { group: PROJECT, examples: [['secrets remove site/key', 'forgets it']] },
  completion: {
    group: PROJECT,
    examples: [
      ['completion bash >> ~/.bashrc', 'for bash'],
      ['completion zsh >> ~/.zshrc', 'for zsh, after compinit'],
      ['completion fish > ~/.config/fish/completions/sluice.fish', 'for fish'],
    ],
  },
}

/** Flags that the parameters of a pipeline or task make; shown first. */
export const PARAMETERS = 'Parameters:'

/** How help is laid out: commands by what people do, flags of every command last. */
export function layOutCommandHelp(program: Command): Command {
  return program.configureHelp({
    subcommandTerm: (command) => `${command.name()} ${argumentsOf(command)}`.trim(),
    groupItems<T extends Command | Option>(all: T[], visible: T[], groupOf: (item: T) => string) {
      const groups = Help.prototype.groupItems.call(this, all, visible, groupOf as never) as Map<string, T[]>
      const order = [PARAMETERS, 'Options:', ...GROUPS, EVERYWHERE]
      const place = (heading: string) => order.indexOf(heading)
      return new Map([...groups].sort(([a], [b]) => place(a) - place(b)))
    },
  })
}

const argumentsOf = ({ registeredArguments }: Command) =>
  registeredArguments.map((each) => (each.required ? `<${each.name()}>` : `[${each.name()}]`)).join(' ')

/** Groups commands, and adds examples and exit codes to the help of each. */
export function addHelpTexts(program: Command): void {
  program.addHelpText(
    'after',
    [
      '',
      'First steps: sluice init, sluice run hello, sluice status latest',
      '',
      'Exit codes:',
      ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`),
      '',
      'sluice COMMAND --help shows the flags of a command, with examples.',
    ].join('\n'),
  )
  program.addHelpCommand(helpCommand())
  for (const command of program.commands) {
    command.helpGroup(findHelp(command.name()).group)
    addExamples(command, command.name())
  }
}

function findHelp(name: string): CommandHelp {
  const help = HELP[name]
  if (help === undefined) throw new Error(`the command ${name} has no group and examples in help.ts`)
  return help
}

const helpCommand = () =>
  new Command('help')
    .argument('[command]')
    .description('shows the flags of a command, with examples')
    .helpOption(false)
    .helpGroup(PROJECT)

function addExamples(command: Command, name: string): void {
  command.addHelpText('after', afterText(findHelp(name).examples))
  for (const inner of command.commands) addExamples(inner, `${name} ${inner.name()}`)
}

function afterText(examples: CommandHelp['examples']): string {
  const width = examples.reduce((most, [line]) => Math.max(most, line.length), 0)
  const lines = examples.map(([line, does]) => `  sluice ${line.padEnd(width)}  ${does}`)
  const codes = EXIT_MEANINGS.slice(0, 5).map(([code, meaning]) => `${code} ${meaning.split(':')[0]}`)
  return [
    ...(lines.length === 0 ? [] : ['', 'Examples:', ...lines]),
    '',
    `Exit codes: ${codes.join(', ')}`,
  ].join('\n')
}
