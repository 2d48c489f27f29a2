import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { AwsSolutionsChecks } from 'cdk-nag'
import { readProject, Sluice } from '../../infra/index.ts'
import { SETTINGS_OF, toSettingVariable } from '../../src/homes/aws/environment.ts'
import { testProject } from '../support/cli.ts'
import { temporaryFolder } from '../support/folders.ts'

const [PLAIN, ROLES, MIXED] = ['j-2AXXXXXXGAPLF', 'j-3BXXXXXXGAPLF', 'j-4CXXXXXXGAPLF'] as const
const ROLE = 'arn:aws:iam::123456789012:role/clicks'
const CONFIG = `
import { defineConfig } from 'sluice'
export default defineConfig({
  pipelines: ['pipelines/*.ts'],
  pools: { spark: { concurrency: 3 } },
  emr: { clicks: { release: 'emr-7.5.0' } },
  environments: { prod: { region: 'eu-west-2', stack: 'sluice-prod' } },
})
`
const makePipelines = (tasks: string) => `
import { emrStep, folder, pipeline, secret } from 'sluice'
const output = ({ n }) => folder('o/' + n, { marker: '_SUCCESS' })
const params = { n: (await import('zod')).z.string() }
const step = () => ({ script: 'spark/one.py' })
const define = (name, options) => emrStep(name, { params, output, pool: 'spark', step, ...options })
${tasks}
`
const PIPELINES = makePipelines(`
const One = define('One', { cluster: '${PLAIN}', logs: 's3://emr-logs/nightly/' })
const Two = define('Two', { cluster: '${ROLES}', role: '${ROLE}', requires: ({ n }) => One({ n }) })
const Three = define('Three', { cluster: '${MIXED}', logs: 's3://emr-logs', role: '${ROLE}', requires: ({ n }) => Two({ n }) })
const Four = define('Four', { cluster: '${MIXED}', requires: ({ n }) => Three({ n }) })
export const all = pipeline('all', Four)
`)

type Resource = { Type: string; Properties: Record<string, unknown> }
type Statement = { Action: string | string[]; Resource: unknown; Condition?: unknown }

let app: App
let resources: Record<string, Resource>

const read = (test: Parameters<typeof testProject>[0], pipelines: string) => {
  const config = testProject(test, {
    'package.json': '{"name": "steps", "type": "module"}',
    'sluice.config.ts': CONFIG,
    'pipelines/all.ts': pipelines,
    'spark/one.py': 'print(1)\n',
  }).path('sluice.config.ts')
  return readProject({ config, environment: 'prod', outdir: temporaryFolder(test as TestContext) })
}

before(async (test) => {
  // biome-ignore lint/suspicious/noExplicitAny: hooks have the context of a suite
  const project = await read(test as any, PIPELINES)
  app = new App()
  const stack = new Stack(app, 'sluice-prod', { env: { region: 'eu-west-2' } })
  new Sluice(stack, 'Sluice', { project })
  resources = Template.fromStack(stack).toJSON().Resources
})

const of = (type: string) => Object.entries(resources).filter(([, each]) => each.Type === type)

describe('steps of EMR clusters in a deployment', () => {
  it('need no network, no cluster, no image, no application and no role', () => {
    for (const type of ['AWS::EC2::VPC', 'AWS::ECS::Cluster', 'AWS::EMRServerless::Application'])
      assert.deepEqual(of(type), [], type)
    assert.deepEqual(
      of('AWS::IAM::Role').filter(([id]) => id.includes('JobRole')),
      [],
    )
  })

  it('are told of by the events of their clusters and their deployment alone', () => {
    const patterns = of('AWS::Events::Rule').map(([, { Properties }]) => Properties.EventPattern)
    const ours = patterns.filter((pattern) => JSON.stringify(pattern).includes('aws.emr'))
    assert.deepEqual(ours, [
      {
        source: ['aws.emr'],
        'detail-type': ['EMR Step Status Change'],
        detail: {
          state: ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED'],
          clusterId: [PLAIN, ROLES, MIXED],
          name: [{ prefix: 'sluice/sluice-prod/' }],
        },
      },
    ])
  })

  it('are launched by a function with exactly the settings that are read, from the queue of their pool', () => {
    for (const part of ['launch-programs', 'tick', 'job-events'] as const) {
      const [, found] =
        of('AWS::Lambda::Function').find(([, { Properties }]) =>
          String(Properties.Handler).startsWith(part),
        ) ?? []
      const { Variables = {} } = (found?.Properties.Environment ?? {}) as { Variables?: object }
      const names = Object.keys(Variables).filter((name) => name.startsWith('SLUICE_'))
      assert.deepEqual(names.sort(), SETTINGS_OF[part].map(toSettingVariable).sort(), part)
    }
    const sources = of('AWS::Lambda::EventSourceMapping').map(([, each]) => JSON.stringify(each))
    assert.ok(sources.some((each) => /spark.*programs/i.test(each)))
  })
})

describe('permissions of steps of EMR clusters', () => {
  const statementsOf = (role: string) =>
    of('AWS::IAM::Policy')
      .filter(([id]) => id.startsWith(role))
      .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement)
  const onEmr = (role: string) =>
    statementsOf(role).filter(({ Action }) => String(Action).includes('elasticmapreduce'))
  const clustersIn = (resource: unknown) => JSON.stringify(resource).match(/:cluster\/[^"]*/g) ?? []

  it('are those of the table, and no others', () => {
    const allowed = {
      Sluicelaunchprograms: 'AddJobFlowSteps CancelSteps ListSteps',
      Sluicetick: 'CancelSteps DescribeCluster ListSteps',
      Sluicejobevents: 'CancelSteps DescribeCluster ListSteps',
    }
    for (const [role, expected] of Object.entries(allowed)) {
      const actions = new Set(onEmr(role).flatMap(({ Action }) => Action))
      const shown = [...actions].sort().map((action) => action.replace('elasticmapreduce:', ''))
      assert.equal(shown.join(' '), expected, role)
      const all = statementsOf(role).flatMap(({ Action }) => Action)
      assert.deepEqual(
        all.filter((action) => /^(iam|emr-serverless):/.test(action)),
        [],
      )
    }
    assert.deepEqual(onEmr('Sluiceapi'), [])
  })

  it('are on the clusters that steps name, and add steps with the roles that steps have', () => {
    const all = [PLAIN, ROLES, MIXED].map((id) => `:cluster/${id}`)
    for (const role of ['Sluicelaunchprograms', 'Sluicetick', 'Sluicejobevents'])
      for (const { Action, Resource } of onEmr(role))
        if (Action !== 'elasticmapreduce:AddJobFlowSteps') assert.deepEqual(clustersIn(Resource), all, role)
    const adding = onEmr('Sluicelaunchprograms').filter(
      ({ Action }) => Action === 'elasticmapreduce:AddJobFlowSteps',
    )
    const key = 'elasticmapreduce:ExecutionRoleArn'
    assert.deepEqual(
      adding.map(({ Resource, Condition }) => [clustersIn(Resource), Condition]),
      [
        [[`:cluster/${PLAIN}`], { Null: { [key]: 'true' } }],
        [[`:cluster/${ROLES}`], { StringEquals: { [key]: [ROLE] } }],
        [[`:cluster/${MIXED}`], { StringEqualsIfExists: { [key]: [ROLE] } }],
      ],
    )
  })

  it('let the API read the lines of steps, and nothing else of the log folders', () => {
    const ours = statementsOf('Sluiceapi').filter(({ Resource }) =>
      JSON.stringify(Resource).includes('emr-logs'),
    )
    const shown = ours.map(({ Action, Resource, Condition }) => [
      Action,
      JSON.stringify(Resource).match(/:s3:::[^"]*/g),
      Condition,
    ])
    const on = (path: string) => [
      ['s3:GetObject', [`:s3:::emr-logs/${path}*`], undefined],
      ['s3:ListBucket', [':s3:::emr-logs'], { StringLikeIfExists: { 's3:prefix': [`${path}*`] } }],
    ]
    assert.deepEqual(shown, [...on(`nightly/${PLAIN}/steps/`), ...on(`${MIXED}/steps/`)])
    for (const role of ['Sluicelaunchprograms', 'Sluicetick', 'Sluicejobevents'])
      assert.equal(JSON.stringify(statementsOf(role)).includes('emr-logs'), false)
  })

  it('follow the AwsSolutions pack of cdk-nag, but for reviewed wildcards', () => {
    const { violations } = new AwsSolutionsChecks(app).validateScope(app)
    const rules = violations.map(({ ruleName }) => ruleName)
    const wide = rules.flatMap((rule) => /^AwsSolutions-IAM5\[Resource::(.*)\]$/.exec(rule)?.[1] ?? [])
    assert.deepEqual(
      rules.filter((rule) => !rule.startsWith('AwsSolutions-IAM5')),
      [],
    )
    const reviewed =
      /^\*$|emr-logs\/.*\/steps\/\*$|\/(plans|targets)\/\*(~\*)?$|:secret:sluice-prod\/.*[*?]$|\/stream\/\*$/
    assert.deepEqual(
      wide.filter((each) => !reviewed.test(each)),
      [],
    )
  })
})

it('a project with several wrong steps is refused in one message that names all', async (test) => {
  const wrong = makePipelines(`
    define('One', { cluster: { name: 'nightly' }, step: ({ params }) => ({ script: params.n + '.py' }) })
    define('Two', { cluster: '${PLAIN}', step: () => ({ script: 'spark/none.py' }) })
    const cluster = { 'spark.submit.deployMode': 'cluster' }
    define('Four', { cluster: '${PLAIN}', files: ['spark/one.py'], step: () => ({ script: 'spark/one.py', spark: cluster }) })
    export const all = pipeline('all', define('Three', { cluster: '${PLAIN}', files: ['../three.py'] }))
  `)
  await assert.rejects(read(test, wrong), (error: Error) => {
    const lines = error.message.split('\n')
    assert.equal(lines[0], 'Nothing was deployed: 4 jobs of EMR cannot be deployed:')
    assert.match(lines[1] ?? '', /^- which files One runs depends on its parameters\. Name its files/)
    assert.match(lines[2] ?? '', /^- Two runs spark\/none\.py, and there is no such file/)
    assert.match(lines[3] ?? '', /^- Four has a wrong setting of Spark: .* but client; leave it out/)
    assert.match(lines[4] ?? '', /^- Three runs \.\.\/three\.py, which is not in the folder of the config/)
    return true
  })
})

/** What a deployment of these pipelines is made of. */
async function synthesize(test: TestContext, pipelines: string) {
  // biome-ignore lint/suspicious/noExplicitAny: it is the context of a test
  const project = await read(test as any, makePipelines(pipelines))
  const stack = new Stack(new App(), 'sluice-prod', { env: { region: 'eu-west-2' } })
  new Sluice(stack, 'Sluice', { project })
  const made: Record<string, Resource> = Template.fromStack(stack).toJSON().Resources
  const statementsOf = (role: string) =>
    Object.entries(made)
      .filter(([id, { Type }]) => Type === 'AWS::IAM::Policy' && id.startsWith(role))
      .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement)
  const shown = (role: string) =>
    statementsOf(role)
      .filter(({ Action }) => /elasticmapreduce|iam/.test(String(Action)))
      .map(({ Action, Resource, Condition }) => [
        [Action]
          .flat()
          .map((action) => action.replace('elasticmapreduce:', ''))
          .join(' '),
        Resource === '*' ? '*' : JSON.stringify(Resource).match(/:(?:cluster|role)\/[^"]*/)?.[0],
        Condition,
      ])
  const patterns = Object.values(made)
    .filter(({ Type }) => Type === 'AWS::Events::Rule')
    .flatMap(({ Properties }) => {
      const { source, detail } = Properties.EventPattern as { source: string[]; detail: object }
      return source.includes('aws.emr') ? [detail] : []
    })
  return { made, statementsOf, shown, patterns }
}

const HEARD = {
  state: ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED'],
  name: [{ prefix: 'sluice/sluice-prod/' }],
}

describe('steps of clusters that are named by their names', () => {
  it('need permissions on clusters with their tags, or on all if they have none, and a list of all', async (test) => {
    const { made, statementsOf, shown, patterns } = await synthesize(
      test as TestContext,
      `
        const One = define('One', { cluster: { name: 'nightly', tags: { team: 'clicks' } }, role: '${ROLE}', logs: 's3://emr-logs/' })
        const Two = define('Two', { cluster: { name: 'weekly' }, requires: ({ n }) => One({ n }) })
        export const all = pipeline('all', Two)
      `,
    )
    const tag = { 'elasticmapreduce:ResourceTag/team': 'clicks' }
    const key = 'elasticmapreduce:ExecutionRoleArn'
    assert.deepEqual(shown('Sluicelaunchprograms'), [
      ['AddJobFlowSteps', ':cluster/*', { StringEquals: { [key]: [ROLE], ...tag } }],
      ['AddJobFlowSteps', ':cluster/*', { Null: { [key]: 'true' } }],
      ['CancelSteps ListSteps', ':cluster/*', { StringEquals: tag }],
      ['CancelSteps ListSteps', ':cluster/*', undefined],
      ['ListClusters', '*', undefined],
    ])
    const looks = [
      ['CancelSteps DescribeCluster ListSteps', ':cluster/*', { StringEquals: tag }],
      ['CancelSteps DescribeCluster ListSteps', ':cluster/*', undefined],
    ]
    assert.deepEqual(shown('Sluicetick'), [...looks, ['ListClusters', '*', undefined]])
    assert.deepEqual(shown('Sluicejobevents'), looks)
    assert.deepEqual(JSON.stringify(statementsOf('Sluiceapi')).match(/:s3:::emr-logs[^"]*/g), [
      ':s3:::emr-logs/j-*/steps/*',
      ':s3:::emr-logs',
    ])
    assert.deepEqual(patterns, [HEARD])
    const settings = JSON.stringify(made).match(/name:(?:nightly|weekly)/g) ?? []
    assert.deepEqual(new Set(settings), new Set(['name:nightly', 'name:weekly']))
  })
})

describe('steps with clusters of their own', () => {
  it('need permissions to make clusters with the tag of the deployment and their roles, and to end these', async (test) => {
    const { shown, patterns, made } = await synthesize(
      test as TestContext,
      `
        const transient = { release: 'emr-7.5.0', instanceType: 'm5.xlarge', instances: 2 }
        const One = define('One', { cluster: { transient }, logs: 's3://emr-logs' })
        const Two = define('Two', { cluster: { transient: { ...transient, instanceProfile: 'Mine', subnet: 'subnet-1' } }, requires: ({ n }) => One({ n }) })
        export const all = pipeline('all', Two)
      `,
    )
    const requested = { StringEquals: { 'elasticmapreduce:RequestTag/sluice:stack': 'sluice-prod' } }
    const tagged = { StringEquals: { 'elasticmapreduce:ResourceTag/sluice:stack': 'sluice-prod' } }
    const passed = (service: string) => ({ StringEquals: { 'iam:PassedToService': service } })
    const all = 'CancelSteps DescribeCluster ListSteps TerminateJobFlows'
    assert.deepEqual(shown('Sluicelaunchprograms'), [
      ['RunJobFlow', '*', requested],
      ['AddTags', ':cluster/*', requested],
      ['iam:PassRole', ':role/EMR_DefaultRole', passed('elasticmapreduce.amazonaws.com')],
      ['iam:PassRole', ':role/EMR_EC2_DefaultRole', passed('ec2.amazonaws.com')],
      [all, ':cluster/*', tagged],
      ['ListClusters', '*', undefined],
    ])
    assert.deepEqual(shown('Sluicetick'), [
      [all, ':cluster/*', tagged],
      ['ListClusters', '*', undefined],
    ])
    assert.deepEqual(shown('Sluicejobevents'), [[all, ':cluster/*', tagged]])
    assert.deepEqual(patterns, [HEARD])
    assert.match(JSON.stringify(made), /role\/Mine/)
  })
})
