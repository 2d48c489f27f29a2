import { App } from 'aws-cdk-lib'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import { readProject } from './project.ts'
import { SluiceStack } from './sluice-stack.ts'

/** The app behind the command: one environment of a project as a stack. The context says which environment, and which secrets and stack exist already. */
const app = new App()
const context = (name: string): string | undefined => {
  const value: unknown = app.node.tryGetContext(name)
  return value === undefined ? undefined : String(value)
}
const [config, architecture, stackName] = ['config', 'architecture', 'stack'].map(context)
const project = await readProject({
  environment: context('env') ?? 'prod',
  ...(config === undefined ? {} : { config }),
  // Only tests name another build.
  build: process.env.SLUICE_TEST_BUILD,
})
const architectures: { [name: string]: ecs.CpuArchitecture } = {
  arm64: ecs.CpuArchitecture.ARM64,
  x86_64: ecs.CpuArchitecture.X86_64,
}
const wanted = architectures[architecture ?? '']
new SluiceStack(app, {
  project,
  images: JSON.parse(context('images') ?? '{}'),
  keptSecrets: JSON.parse(context('keptSecrets') ?? '[]'),
  ...(stackName === undefined ? {} : { stackName }),
  ...(wanted === undefined ? {} : { architecture: wanted }),
})
