import { createHash } from 'node:crypto'
import { SluiceError } from '../core/errors.ts'
import type { Environment } from './config.ts'

/** An environment that is a deployment: it has a region, and its stack has a name. */
export type DeployedEnvironment = Environment & { region: string; stack: string }

/** A deployed environment with its name in the config. */
export type NamedEnvironment = DeployedEnvironment & {
  name: string
  /** The stack's name in deployments of before its default had that of the project; absent if the config names it. */
  earlierStack?: string
}

/** What knows its environments: a project. */
interface Environments {
  name: string
  environments: { [name: string]: Environment }
}

/** The environment of that name; throws if there is none, or it is on one machine. */
export function findDeployedEnvironment(
  { name: project, environments }: Environments,
  name: string,
): NamedEnvironment {
  const { region, stack, ...environment } = environments[name] ?? {}
  if (region !== undefined)
    return {
      ...environment,
      name,
      region,
      stack: stack ?? makeDefaultStackName(project, name),
      ...(stack === undefined && { earlierStack: makeEarlierStackName(name) }),
    }
  const deployable = Object.keys(environments).filter((each) => environments[each]?.region !== undefined)
  // Targets of this machine are in the storage of the environment dev, declared or not.
  const isLocal = environments[name] !== undefined || name === 'dev'
  throw new SluiceError(
    'invalid_deployment',
    isLocal
      ? `The environment ${name} is on one machine: it has no region.`
      : `The config has no environment ${name}.`,
    {
      hint: [
        ...(isLocal ? ['Without --env the commands work on this machine.'] : []),
        deployable.length > 0
          ? `There are: ${deployable.join(', ')}.`
          : `A deployment has a region: environments: { ${isLocal ? 'prod' : name}: { region: 'eu-west-2' } }`,
      ].join(' '),
    },
  )
}

/** Names of queues and state machines begin with that of the stack, and have 80 characters. */
const LONGEST_STACK = 30
const HASH = 4

/**
 * The stack of a project's environment: `sluice-PROJECT-ENVIRONMENT`, so that two projects of one account never meet. A
 * project's name that is too long is cut, and told from others by four digits of its hash.
 */
export function makeDefaultStackName(project: string, environment: string): string {
  if (project === '')
    throw new SluiceError(
      'invalid_deployment',
      'The project has no name, by which its stack would be called.',
      {
        hint: "Give it one: name: 'visits' in the config, or in package.json.",
      },
    )
  const whole = `sluice-${plain(project)}-${plain(environment)}`
  if (whole.length <= LONGEST_STACK) return whole
  const left = LONGEST_STACK - `sluice---${plain(environment)}`.length - HASH
  if (left < 1)
    throw new SluiceError(
      'invalid_deployment',
      `The environment's name ${environment} is too long for that of a stack.`,
      { hint: `Name its stack: environments: { ${environment}: { stack: 'sluice-…' } }` },
    )
  const hash = createHash('sha256').update(project).digest('hex').slice(0, HASH)
  return `sluice-${plain(project).slice(0, left)}-${hash}-${plain(environment)}`
}

/** The stack of an environment before its name had that of the project. */
const makeEarlierStackName = (environment: string): string => `sluice-${plain(environment)}`

/** Letters, digits and hyphens. */
const plain = (name: string): string => name.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
