import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { AwsSolutionsChecks } from 'cdk-nag'
import { readProject, Sluice } from '../../infra/index.ts'
import type { DeployedProject } from '../../infra/project.ts'
import { SETTINGS_OF, toSettingVariable } from '../../src/homes/aws/environment.ts'
import { testProject } from '../support/cli.ts'
import { temporaryFolder } from '../support/folders.ts'

const CONFIG = `
import { defineConfig } from 'sluice'
export default defineConfig({
  pipelines: ['pipelines/*.ts'],
  pools: { spark: { concurrency: 3, allows: [{ actions: ['glue:GetTable'], resources: ['arn:aws:glue:eu-west-2:123456789012:table/a/b'] }] } },
  emr: { clicks: { release: 'emr-7.5.0', architecture: 'arm64', maximumCapacity: { vcpu: 16, memoryGb: 64 } } },
  environments: { prod: { region: 'eu-west-2', stack: 'sluice-prod' } },
})
`
const FOREIGN = '00fkht2eodujab09'
const makePipelines = (more: string) => `
import { emrServerless, emrStep, folder, pipeline, secret } from 'sluice'
const output = ({ n }) => folder('o/' + n, { marker: '_SUCCESS' })
const params = { n: (await import('zod')).z.string() }
${more}
`
const PIPELINES = makePipelines(`
const One = emrServerless('One', {
  params, output, application: 'clicks', pool: 'spark', secrets: { API_KEY: secret('mag/api-key') },
  job: ({ params, output }) => ({ script: 'spark/one.py', arguments: ['--n=' + params.n, output.uri], pyFiles: ['./spark/common.py', 's3://b/x.zip'] }),
})
const Two = emrServerless('Two', {
  params, output, application: '${FOREIGN}', pool: 'spark', requires: ({ n }) => One({ n }), files: ['spark/two-a.py', 'spark/two-b.py'],
  job: ({ params }) => ({ script: 'spark/two-' + params.n + '.py' }),
})
export const all = pipeline('all', Two)
`)
const SCRIPTS = ['one', 'common', 'two-a', 'two-b'].map((name) => [`spark/${name}.py`, `print('${name}')\n`])

type Resource = { Type: string; Properties: Record<string, unknown> }
type Statement = { Action: string | string[]; Resource: unknown; Condition?: unknown }

let app: App
let resources: Record<string, Resource>
let project: DeployedProject

const makeProject = (test: Parameters<typeof testProject>[0], pipelines: string) =>
  testProject(test, {
    'package.json': '{"name": "jobs", "type": "module"}',
    'sluice.config.ts': CONFIG,
    'pipelines/all.ts': pipelines,
    ...Object.fromEntries(SCRIPTS),
  })

before(async (test) => {
  // biome-ignore lint/suspicious/noExplicitAny: hooks have the context of a suite
  const context = test as any
  const config = makeProject(context, PIPELINES).path('sluice.config.ts')
  project = await readProject({ config, environment: 'prod', outdir: temporaryFolder(context) })
  app = new App()
  const stack = new Stack(app, 'sluice-prod', { env: { region: 'eu-west-2' } })
  new Sluice(stack, 'Sluice', { project })
  resources = Template.fromStack(stack).toJSON().Resources
})

const of = (type: string) => Object.entries(resources).filter(([, each]) => each.Type === type)

describe('jobs of EMR Serverless in a deployment', () => {
  it('have the applications of the config, which start and stop by themselves', () => {
    const [[, application] = [], ...others] = of('AWS::EMRServerless::Application')
    assert.equal(others.length, 0)
    const { Tags: _, ...properties } = application?.Properties ?? {}
    assert.deepEqual(properties, {
      Name: 'sluice-prod-clicks',
      Type: 'SPARK',
      ReleaseLabel: 'emr-7.5.0',
      Architecture: 'ARM64',
      MaximumCapacity: { Cpu: '16 vCPU', Memory: '64 GB' },
      AutoStartConfiguration: { Enabled: true },
      AutoStopConfiguration: { Enabled: true, IdleTimeoutMinutes: 15 },
    })
  })

  it('need no network, no cluster and no image', () => {
    for (const type of ['AWS::EC2::VPC', 'AWS::ECS::Cluster', 'AWS::ECS::TaskDefinition'])
      assert.deepEqual(of(type), [], type)
  })

  it('run files that are assets, by the names of objects that launches are told', () => {
    const { directory, artifacts } = app.synth()
    const file = artifacts.find(({ manifest }) => manifest.type === 'cdk:asset-manifest')?.id
    const manifest = JSON.parse(readFileSync(join(directory, `${file}.json`), 'utf8'))
    const uploaded = new Map<string, string>()
    for (const { source, destinations } of Object.values<{
      source: { path: string }
      destinations: { [id: string]: { objectKey: string } }
    }>(manifest.files))
      for (const { objectKey } of Object.values(destinations)) uploaded.set(objectKey, source.path)
    const { One, Two } = project.jobs.ofFamilies
    assert.deepEqual(Object.keys(One?.files ?? {}), ['spark/one.py', 'spark/common.py'])
    assert.deepEqual(Object.keys(Two?.files ?? {}), ['spark/two-a.py', 'spark/two-b.py'])
    for (const [path, object] of Object.entries({ ...One?.files, ...Two?.files })) {
      const source = uploaded.get(object)
      assert.ok(source, path)
      assert.equal(
        readFileSync(join(directory, source), 'utf8'),
        SCRIPTS.find(([name]) => name === path)?.[1],
      )
    }
  })

  it('are told of by the events of their applications alone', () => {
    const rules = of('AWS::Events::Rule').map(([, { Properties }]) => Properties.EventPattern)
    const [rule] = rules.filter((pattern) => JSON.stringify(pattern).includes('emr-serverless')) as {
      detail: { applicationId: unknown[]; state: string[] }
    }[]
    assert.deepEqual(rule?.detail.state, ['RUNNING', 'SUCCESS', 'FAILED', 'CANCELLED'])
    assert.equal(rule?.detail.applicationId.length, 2)
    assert.ok(rule?.detail.applicationId.includes(FOREIGN))
  })

  it('are launched by a function with exactly the settings that are read', () => {
    for (const part of ['launch-programs', 'tick', 'job-events'] as const) {
      const [, found] =
        of('AWS::Lambda::Function').find(([, { Properties }]) =>
          String(Properties.Handler).startsWith(part),
        ) ?? []
      const { Variables = {} } = (found?.Properties.Environment ?? {}) as { Variables?: object }
      assert.deepEqual(
        Object.keys(Variables)
          .filter((name) => name.startsWith('SLUICE_'))
          .sort(),
        SETTINGS_OF[part].map(toSettingVariable).sort(),
        part,
      )
    }
  })
})

describe('permissions of jobs of EMR Serverless', () => {
  const ALLOWED: Record<string, string> = {
    SluiceEmrsparkJobRole:
      'glue:GetTable logs:CreateLogStream DescribeLogGroups DescribeLogStreams PutLogEvents s3:AbortMultipartUpload DeleteObject GetObject ListBucket PutObject secretsmanager:GetSecretValue',
    Sluicelaunchprograms:
      'dynamodb:BatchGetItem PutItem Query UpdateItem emr-serverless:CancelJobRun ListJobRuns StartJobRun iam:PassRole logs:CreateLogStream PutLogEvents s3:GetObject ListBucket sqs:ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage',
    Sluicetick:
      'dynamodb:BatchGetItem DeleteItem PutItem Query UpdateItem emr-serverless:CancelJobRun GetJobRun ListJobRuns lambda:InvokeFunction logs:CreateLogStream FilterLogEvents PutLogEvents s3:GetObject ListBucket PutObject sqs:DeleteMessage ReceiveMessage SendMessage states:SendTaskFailure SendTaskSuccess',
    Sluicejobevents:
      'dynamodb:BatchGetItem DeleteItem PutItem Query UpdateItem emr-serverless:CancelJobRun GetJobRun lambda:InvokeFunction logs:CreateLogStream PutLogEvents s3:GetObject ListBucket',
  }
  const statementsOf = (role: string) =>
    of('AWS::IAM::Policy')
      .filter(([id]) => id.startsWith(role))
      .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement)

  it('are those of the table, and no others', () => {
    for (const [role, expected] of Object.entries(ALLOWED)) {
      const actions = new Set(statementsOf(role).flatMap(({ Action }) => Action))
      const shown = [...Map.groupBy([...actions].sort(), (action) => action.split(':')[0])].map(
        ([service, all]) => `${service}:${all.map((action) => action.split(':')[1]).join(' ')}`,
      )
      assert.equal(shown.join(' '), expected, role)
    }
  })

  it('let the jobs of a pool read their own secrets, and nothing else that runs in the pool', () => {
    const reading = of('AWS::IAM::Policy').filter(([, { Properties }]) =>
      JSON.stringify(Properties).includes('secretsmanager:GetSecretValue'),
    )
    assert.deepEqual(
      reading.map(([id]) => id.startsWith('SluiceEmrsparkJobRole')),
      [true],
    )
    const [statement] = statementsOf('SluiceEmrsparkJobRole').filter(
      ({ Action }) => Action === 'secretsmanager:GetSecretValue',
    )
    assert.deepEqual(JSON.stringify(statement?.Resource).match(/:secret:[^"]*/g), [
      ':secret:sluice-prod/mag/api-key-??????',
    ])
    const made = of('AWS::SecretsManager::Secret').map(([, { Properties }]) => Properties)
    assert.deepEqual(
      made.map(({ Name, SecretString }) => [Name, SecretString]),
      [['sluice-prod/mag/api-key', undefined]],
    )
  })

  it('pass the role of jobs to EMR Serverless alone, which may take it for this account alone', () => {
    const [pass] = statementsOf('Sluicelaunchprograms').filter(({ Action }) => Action === 'iam:PassRole')
    assert.deepEqual(pass?.Condition, {
      StringEquals: { 'iam:PassedToService': 'emr-serverless.amazonaws.com' },
    })
    assert.match(JSON.stringify(pass?.Resource), /SluiceEmrsparkJobRole/)
    const [[, role] = []] = of('AWS::IAM::Role').filter(([id]) => id.startsWith('SluiceEmrsparkJobRole'))
    const { Statement: trust } = (role?.Properties.AssumeRolePolicyDocument ?? {}) as {
      Statement: Statement[]
    }
    assert.deepEqual(trust[0]?.Condition, {
      StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
    })
  })

  it('follow the AwsSolutions pack of cdk-nag, but for reviewed wildcards', () => {
    const { violations } = new AwsSolutionsChecks(app).validateScope(app)
    const wide = violations.flatMap(
      ({ ruleName }) => /^AwsSolutions-IAM5\[Resource::(.*)\]$/.exec(ruleName)?.[1] ?? [],
    )
    assert.deepEqual(
      violations.map(({ ruleName }) => ruleName).filter((rule) => !rule.startsWith('AwsSolutions-IAM5')),
      [],
    )
    const reviewed =
      /^\*$|\/(plans|targets)\/\*(~\*)?$|:secret:sluice-prod\/.*[*?]$|\/stream\/\*$|\/applications\/[^*]*\/jobruns\/\*$/
    assert.deepEqual(
      wide.filter((each) => !reviewed.test(each)),
      [],
    )
  })
})

describe('a project with jobs that cannot be deployed', () => {
  const make = (options: string) => makePipelines(`export const all = pipeline('all', ${options})`)
  const base = `params, output, application: 'clicks', pool: 'spark'`
  const refused: [what: string, options: string, message: RegExp][] = [
    [
      'a missing file',
      `emrServerless('Only', { ${base}, job: () => ({ script: 'spark/none.py' }) })`,
      /no such file/,
    ],
    [
      'a file outside',
      `emrServerless('Only', { ${base}, files: ['../one.py'], job: () => ({ script: '../one.py' }) })`,
      /is not in the folder of the config/,
    ],
    [
      'files that depend on parameters',
      `emrServerless('Only', { ${base}, job: ({ params }) => ({ script: 'spark/' + params.n + '.py' }) })`,
      /which files Only runs depends on its parameters/,
    ],
    [
      'a job that cannot be made without parameters',
      `emrServerless('Only', { ${base}, job: ({ params }) => ({ script: 'spark/one.py', arguments: [...params.n] }) })`,
      /which files Only runs cannot be told without its parameters/,
    ],
    [
      'an unknown pool',
      `emrServerless('Only', { params, output, application: 'clicks', pool: 'none', job: () => ({ script: 'spark/one.py' }) })`,
      /none/,
    ],
  ]
  for (const [what, options, message] of refused)
    it(`is refused in one sentence: ${what}`, async (test) => {
      const config = makeProject(test, make(options)).path('sluice.config.ts')
      await assert.rejects(
        readProject({ config, environment: 'prod', outdir: temporaryFolder(test) }),
        message,
      )
    })
})
