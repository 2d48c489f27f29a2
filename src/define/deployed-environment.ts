import { SluiceError } from '../core/errors.ts'
import type { Environment } from './config.ts'

/** An environment that is a deployment: it has a region, and its stack has a name. */
export type DeployedEnvironment = Environment & { region: string; stack: string }

/** The environment of that name; throws where there is none, or it is on one machine. */
export function deployedEnvironment(
  environments: { [name: string]: Environment },
  name: string,
): DeployedEnvironment {
  const { region, stack = `sluice-${name}`, ...environment } = environments[name] ?? {}
  if (region !== undefined) return { ...environment, region, stack }
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
