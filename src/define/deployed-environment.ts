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
  const isKnown = environments[name] !== undefined
  throw new SluiceError(
    'invalid_deployment',
    isKnown
      ? `The environment ${name} is on one machine: it has no region.`
      : `The config has no environment ${name}.`,
    {
      hint:
        deployable.length > 0
          ? `There are: ${deployable.join(', ')}.`
          : `Add one: environments: { ${name}: { region: 'eu-west-2' } }`,
    },
  )
}
