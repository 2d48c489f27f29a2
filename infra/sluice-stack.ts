import { type App, Stack } from 'aws-cdk-lib'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import type { DeployedProject } from './project.ts'
import { makeBillingTags, Sluice, type SluiceProps } from './sluice.ts'

/** Options of the stack of a project. */
export interface SluiceStackProps extends SluiceProps {
  /** @default that of the environment */
  readonly stackName?: string
}

/** One environment of a project as a stack: its name, region, account, tags and protection are those of the config. */
export class SluiceStack extends Stack {
  readonly sluice: Sluice

  constructor(app: App, { stackName, architecture = OF_THIS_MACHINE, ...props }: SluiceStackProps) {
    const { environment, name } = props.project
    super(app, stackName ?? environment.stack, {
      env: makeStackEnvironment(environment),
      description: `Sluice: the pipelines of ${name}`,
      // 250 pipelines would be more than the megabyte that CloudFormation takes.
      suppressTemplateIndentation: true,
      terminationProtection: environment.terminationProtection ?? true,
      // Tags of the stack itself; its resources inherit them.
      tags: { ...environment.tags, ...makeBillingTags(props.project) },
    })
    this.sluice = new Sluice(this, 'Sluice', { ...props, architecture })
  }
}

/** Images are by default for this machine's processor, because this machine builds them. */
const OF_THIS_MACHINE = process.arch === 'arm64' ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64

/** The account is needed only to look up a network. */
function makeStackEnvironment({ region, account, vpcId }: DeployedProject['environment']) {
  const known = account ?? (vpcId === undefined ? undefined : process.env.CDK_DEFAULT_ACCOUNT)
  return { region, ...(known === undefined ? {} : { account: known }) }
}
