import { App, Stack } from 'aws-cdk-lib'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import { readProject } from './project.ts'
import { Sluice, tagsOf } from './sluice.ts'

/** The app behind cdk.json: one environment of a project as a stack, named by the context `env`. */
const app = new App()
const name = String(app.node.tryGetContext('env') ?? 'prod')
const config = app.node.tryGetContext('config')
// Images are built on this machine, so that is what they are for where nothing else is said.
const here = process.arch === 'arm64' ? 'arm64' : 'x86_64'
const architecture =
  (app.node.tryGetContext('architecture') ?? here) === 'x86_64'
    ? ecs.CpuArchitecture.X86_64
    : ecs.CpuArchitecture.ARM64
const project = await readProject({
  environment: name,
  ...(typeof config === 'string' ? { config } : {}),
  // Test builds alone name modules to replace; the command never does.
  replace: JSON.parse(process.env.SLUICE_TEST_REPLACE ?? '{}'),
})
const { region, vpcId, tags, terminationProtection = true } = project.environment
const stackName = String(app.node.tryGetContext('stack') ?? project.environment.stack)
// Only a network that is looked up needs to know the account; without it nothing is looked up.
const account =
  project.environment.account ?? (vpcId === undefined ? undefined : process.env.CDK_DEFAULT_ACCOUNT)
const stack = new Stack(app, stackName, {
  env: { region, ...(account === undefined ? {} : { account }) },
  description: `Sluice: the pipelines of ${name}`,
  terminationProtection,
  // Tags of the stack itself, which everything in it has as well.
  tags: { ...tags, ...tagsOf(project) },
})
const images = JSON.parse(String(app.node.tryGetContext('images') ?? '{}'))
const keptSecrets = JSON.parse(String(app.node.tryGetContext('keptSecrets') ?? '[]'))
new Sluice(stack, 'Sluice', { project, architecture, images, keptSecrets })
