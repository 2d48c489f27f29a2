import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { AwsSolutionsChecks } from 'cdk-nag'
import { readProject, Sluice } from '../../infra/index.ts'
import { makeSecretVariableName } from '../../src/define/secret.ts'
import {
  type Part,
  readPartSettings,
  SETTINGS_OF,
  toSettingVariable,
} from '../../src/homes/aws/environment.ts'
import { testProject } from '../support/cli.ts'
import { temporaryFolder } from '../support/folders.ts'

const CONFIG = `
import { defineConfig } from 'sluice'
export default defineConfig({
  pipelines: ['pipelines/*.ts'],
  pools: { training: { memoryMb: 4096, cpu: 1024, concurrency: 3 } },
  environments: { prod: { region: 'eu-west-2', stack: 'sluice-prod' } },
})
`
const PIPELINES = `
import { build, container, luigi, pipeline, secret, text } from 'sluice'
const One = container('One', { output: () => text('one'), image: 'python:3.12-slim', command: ['python'] })
const Two = container('Two', { requires: () => One(), output: () => text('two'), image: 'python:3.12-slim', command: ['python', '2'] })
const Three = container('Three', {
  requires: () => Two(), output: () => text('three'), image: build('images/r', { target: 'runtime', args: { R: '4.4' } }),
  pool: 'training', secrets: { KEY: secret('mag/key') },
})
const Four = container('Four', {
  requires: () => Three(), output: () => text('four'), image: build('images/r', { ref: 'v1' }),
  pool: 'training',
})
const Five = container('Five', {
  requires: () => Four(), output: () => text('five'), image: '123456789012.dkr.ecr.eu-west-2.amazonaws.com/own/r:7', pool: 'training',
})
const Six = container('Six', {
  requires: () => Five(), output: () => text('six'), image: build('images/r', { secrets: { pip: secret('pypi/token') } }), pool: 'training',
})
export const all = pipeline('all', Six)
export const reports = luigi('reports', {
  module: 'reports', task: 'Root', image: 'reports:7', python: '/venv/bin/python',
  families: { Query: { pool: 'training', secrets: { GRAPH: secret('graph/key') } }, Part: { memoryMb: 4000 } },
})
`

type Resource = { Type: string; Properties: Record<string, unknown> }
type Container = {
  Name: string
  Image: unknown
  Essential: boolean
  User?: string
  EntryPoint?: string[]
  Environment?: { Name: string; Value: unknown }[]
  Secrets?: { Name: string }[]
  DependsOn?: object[]
  MountPoints: { ContainerPath: string; ReadOnly: boolean }[]
  LogConfiguration: { LogDriver: string }
  FirelensConfiguration?: object
  StopTimeout: number
}
type Definition = { Family: string; Cpu: string; Memory: string; ContainerDefinitions: Container[] }

let app: App
let resources: Record<string, Resource>
let outdir: string

before(async (test) => {
  // biome-ignore lint/suspicious/noExplicitAny: hooks have the context of a suite
  const context = test as any
  const project = testProject(context, {
    'package.json': '{"name": "programs", "type": "module"}',
    'sluice.config.ts': CONFIG,
    'pipelines/all.ts': PIPELINES,
    'images/r/Dockerfile': 'FROM scratch AS runtime\n',
  })
  const git = (...args: string[]) =>
    execFileSync('git', [
      '-C',
      project.path('.'),
      '-c',
      'user.name=t',
      '-c',
      'user.email=t@example.org',
      ...args,
    ])
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'one')
  git('tag', 'v1')
  project.write('images/r/Dockerfile', 'FROM scratch AS runtime\nLABEL changed=yes\n')
  outdir = temporaryFolder(context)
  const read = await readProject({ config: project.path('sluice.config.ts'), environment: 'prod', outdir })
  app = new App()
  const stack = new Stack(app, 'sluice-prod', { env: { region: 'eu-west-2' } })
  new Sluice(stack, 'Sluice', { project: read })
  resources = Template.fromStack(stack).toJSON().Resources
})

const of = (type: string) => Object.entries(resources).filter(([, each]) => each.Type === type)
const definitions = () =>
  of('AWS::ECS::TaskDefinition').map(([, { Properties }]) => Properties as unknown as Definition)

describe('programs in containers', () => {
  it('have a task definition for each pool, image and set of secrets', () => {
    const families = definitions().map(({ Family }) => Family.replace(/_[0-9a-f]{16}$/, ''))
    assert.deepEqual(families.sort(), [
      'sluice-prod-default',
      'sluice-prod-default',
      'sluice-prod-training',
      'sluice-prod-training',
      'sluice-prod-training',
      'sluice-prod-training',
      'sluice-prod-training',
    ])
  })

  it('are as their image says, beside a keeper on which they depend', () => {
    for (const { ContainerDefinitions } of definitions()) {
      const [keeper, program] = ContainerDefinitions
      assert.deepEqual([keeper?.Name, keeper?.Essential, keeper?.User], ['keeper', true, '0'])
      assert.deepEqual([program?.Name, program?.Essential, program?.User], ['program', false, undefined])
      assert.equal(program?.Environment, undefined)
      assert.deepEqual(program?.DependsOn, [{ Condition: 'HEALTHY', ContainerName: 'keeper' }])
      assert.deepEqual(
        program?.MountPoints.map(({ ContainerPath, ReadOnly }) => [ContainerPath, ReadOnly]),
        [
          ['/sluice/in', true],
          ['/sluice/out', false],
          ['/sluice/attempt', false],
        ],
      )
      // No line of the program reaches a log before the keeper has masked it.
      assert.equal(program?.LogConfiguration.LogDriver, 'awsfirelens')
      assert.ok(keeper?.FirelensConfiguration)
      assert.ok((program?.StopTimeout ?? 0) < (keeper?.StopTimeout ?? 0))
    }
  })

  it('have the memory of their pool, and the keeper its own beside it', () => {
    const sizes = definitions().map(({ Family, Cpu, Memory }) => [Family.split('_')[0], Cpu, Memory])
    assert.deepEqual(
      sizes.find(([family]) => family === 'sluice-prod-default'),
      ['sluice-prod-default', '512', '3072'],
    )
    assert.deepEqual(
      sizes.find(([family]) => family === 'sluice-prod-training'),
      ['sluice-prod-training', '1024', '5120'],
    )
  })

  it('are given their secrets by ECS, and no template has a value', () => {
    const given = definitions().flatMap(({ ContainerDefinitions }) =>
      ContainerDefinitions.flatMap(({ Name, Secrets = [] }) => Secrets.map((each) => [Name, each.Name])),
    )
    assert.deepEqual(given.sort(), [
      ['program', 'GRAPH'],
      ['program', 'KEY'],
    ])
  })

  it('of Luigi are started by their Python, and the keeper has our part in its image', () => {
    const entryPoints = definitions().flatMap(({ ContainerDefinitions }) =>
      ContainerDefinitions.flatMap(({ EntryPoint }) => (EntryPoint ? [EntryPoint] : [])),
    )
    assert.deepEqual(entryPoints, [['/venv/bin/python'], ['/venv/bin/python']])
    assert.ok(existsSync(join(outdir, 'keeper/code/sluice_luigi.py')))
  })

  it('are built with secrets that the assets name by their variables', () => {
    const { directory, artifacts } = app.synth()
    const file = artifacts.find(({ manifest }) => manifest.type === 'cdk:asset-manifest')?.id
    const { dockerImages } = JSON.parse(readFileSync(join(directory, `${file}.json`), 'utf8'))
    const sources = Object.values<{ source: { dockerBuildSecrets?: object } }>(dockerImages)
    const given = sources.flatMap(({ source }) => source.dockerBuildSecrets ?? [])
    assert.deepEqual(given, [{ pip: `env=${makeSecretVariableName('pypi/token')}` }])
  })

  it('are built of the folder, or of what the repository holds at a tag; the folder is not changed', () => {
    const refs = join(outdir, 'refs')
    const [id = ''] = definitions()
      .map(({ Family }) => Family.split('_')[1] ?? '')
      .filter((each) => existsSync(join(refs, each)))
    assert.equal(readFileSync(join(refs, id, 'Dockerfile'), 'utf8'), 'FROM scratch AS runtime\n')
  })

  it('and their keepers have exactly the settings that are read', () => {
    const parts = new Map<Part, string[]>()
    for (const [, { Properties }] of of('AWS::Lambda::Function')) {
      const { Variables } = Properties.Environment as { Variables: object }
      if (String(Properties.Handler).startsWith('launch-programs'))
        parts.set('launch-programs', Object.keys(Variables))
    }
    const [keeper] = definitions()[0]?.ContainerDefinitions ?? []
    parts.set('keeper', keeper?.Environment?.map(({ Name }) => Name) ?? [])
    for (const [part, names] of parts)
      assert.deepEqual(
        names.filter((name) => name.startsWith('SLUICE_')).sort(),
        SETTINGS_OF[part].map(toSettingVariable).sort(),
        part,
      )
    // What it takes over comes with the launch.
    assert.throws(() => readPartSettings('keeper', { SLUICE_HANDOVER: '' }), /SLUICE_HANDOVER: is not JSON/)
  })
})

describe('permissions of programs', () => {
  const ALLOWED: Record<string, string> = {
    SluiceProgramstrainingTaskRole:
      'dynamodb:BatchGetItem PutItem UpdateItem ecs:DescribeTasks StopTask s3:AbortMultipartUpload DeleteObject GetObject ListBucket PutObject secretsmanager:GetSecretValue',
    SluiceProgramsdefaultTaskRole:
      'dynamodb:BatchGetItem PutItem UpdateItem ecs:DescribeTasks StopTask s3:AbortMultipartUpload DeleteObject GetObject ListBucket PutObject',
    SluiceProgramstrainingExecutionRole:
      'ecr:BatchCheckLayerAvailability BatchGetImage GetAuthorizationToken GetDownloadUrlForLayer logs:CreateLogStream PutLogEvents secretsmanager:DescribeSecret GetSecretValue',
    SluiceProgramsdefaultExecutionRole:
      'ecr:BatchCheckLayerAvailability BatchGetImage GetAuthorizationToken GetDownloadUrlForLayer logs:CreateLogStream PutLogEvents',
    Sluicelaunchprograms:
      'dynamodb:BatchGetItem PutItem Query UpdateItem ecs:ListTasks RunTask StopTask TagResource iam:PassRole logs:CreateLogStream PutLogEvents s3:GetObject ListBucket sqs:ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage',
  }

  it('are those of the table, and no others', () => {
    for (const [role, expected] of Object.entries(ALLOWED)) {
      const policies = of('AWS::IAM::Policy').filter(([id]) => id.startsWith(role))
      assert.equal(policies.length, 1, role)
      const statements = policies.flatMap(
        ([, { Properties }]) =>
          (Properties.PolicyDocument as { Statement: { Action: string | string[] }[] }).Statement,
      )
      const actions = new Set(statements.flatMap(({ Action }) => Action))
      const shown = [...Map.groupBy([...actions].sort(), (action) => action.split(':')[0])].map(
        ([service, all]) => `${service}:${all.map((action) => action.split(':')[1]).join(' ')}`,
      )
      assert.equal(shown.join(' '), expected, role)
    }
  })

  it('follow the AwsSolutions pack of cdk-nag, but for reviewed wildcards', () => {
    const { violations } = new AwsSolutionsChecks(app).validateScope(app)
    const others = violations
      .map(({ ruleName }) => ruleName)
      .filter((rule) => !rule.startsWith('AwsSolutions-IAM5'))
    assert.deepEqual(others, [])
    const wide = violations.flatMap(
      ({ ruleName }) => /^AwsSolutions-IAM5\[Resource::(.*)\]$/.exec(ruleName)?.[1] ?? [],
    )
    const reviewed =
      /^\*$|\/(plans|targets)\/\*(~\*)?$|:secret:sluice-prod\/.*[*?]$|:task-definition\/sluice-prod-[a-z]+_[0-9a-f]{16}:\*$|:task\/.*\/\*$|\/stream\/\*$/
    assert.deepEqual(
      wide.filter((each) => !reviewed.test(each)),
      [],
    )
  })
})
