import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { type DeployedProject, Sluice } from '../../infra/index.ts'
import { checkExportedConfig, type Environment, type Pool } from '../../src/define/config.ts'
import { DECIDERS, findPoolNameProblems } from '../../src/define/deployment-options.ts'
import { pipeline, task, text } from '../../src/index.ts'
import { NO_JOBS } from './no-jobs.ts'

type Resource = { Type: string; Properties: Record<string, unknown> }

const folder = mkdtempSync(join(tmpdir(), 'sluice-options-'))
after(() => rmSync(folder, { recursive: true, force: true }))
for (const name of ['index.mjs', 'code.tgz', 'Dockerfile']) writeFileSync(join(folder, name), '')
const Root = task('OptionsRoot', { output: () => text('x') }, async ({ output }) => output.write('x'))

/** The resources of a deployment with a pool of each kind. */
function resourcesWith(
  pool: Pool,
  environment: Partial<Environment> = {},
  keptSecrets: string[] = [],
): [string, Resource][] {
  const code = { folder, version: '1', secrets: ['mag/api-key', 'other'] }
  const project: DeployedProject = {
    project: 'visits',
    name: 'prod',
    environment: { region: 'eu-west-2', stack: 'sluice-visits-prod', ...environment },
    pipelines: [pipeline('visits', Root)],
    pools: { default: { ...pool, ...code }, heavy: { ...pool, ...code, runsOn: 'fargate' } },
    jobs: NO_JOBS,
    programs: [],
    budgets: [],
    secrets: code.secrets,
    functions: Object.fromEntries(DECIDERS.map((each) => [each, folder])),
    code: '1',
  }
  const stack = new Stack(new App(), 'sluice-visits-prod', { env: { region: 'eu-west-2' } })
  new Sluice(stack, 'Sluice', { project, keptSecrets })
  return Object.entries(Template.fromStack(stack).toJSON().Resources)
}

const named = (resources: [string, Resource][], id: RegExp): Resource =>
  resources.find(([each]) => id.test(each))?.[1] ?? assert.fail(`there is no ${id}`)

describe('a pool that may do more than its targets', () => {
  const athena = {
    actions: ['athena:StartQueryExecution'],
    resources: ['arn:aws:athena:eu-west-2:123456789012:workgroup/visits'],
    conditions: { StringEquals: { 'aws:RequestedRegion': 'eu-west-2' } },
  }
  const own = 'arn:aws:iam::123456789012:policy/team/read-lake'
  const resources = resourcesWith({ allows: [athena], policies: ['AmazonAthenaFullAccess', own] })

  it('has its statements and managed policies on the role of its tasks, on Lambda and in containers, and nobody else has', () => {
    const statement = {
      Action: athena.actions[0],
      Condition: athena.conditions,
      Effect: 'Allow',
      Resource: athena.resources[0],
    }
    const having = resources.filter(
      ([, { Type, Properties }]) =>
        Type === 'AWS::IAM::Policy' &&
        JSON.stringify((Properties.PolicyDocument as { Statement: unknown }).Statement).includes('athena'),
    )
    assert.deepEqual(having.map(([id]) => id.replace(/DefaultPolicy.*/, '')).sort(), [
      'SluiceContainersheavyTaskRole',
      'SluicePooldefaultRole',
    ])
    for (const [, { Properties }] of having) {
      const { Statement } = Properties.PolicyDocument as { Statement: unknown[] }
      assert.ok(Statement.some((each) => JSON.stringify(each) === JSON.stringify(statement)))
    }
    for (const role of [/^SluiceContainersheavyTaskRole[0-9A-F]{8}$/, /^SluicePooldefaultRole[0-9A-F]{8}$/]) {
      const [first, second] = named(resources, role).Properties.ManagedPolicyArns as unknown[]
      assert.match(JSON.stringify(first), /:iam::aws:policy\/AmazonAthenaFullAccess/)
      assert.equal(second, own)
    }
  })

  it('is checked with the config', () => {
    const problems = (pool: object) =>
      checkExportedConfig({ pipelines: [], pools: { default: pool } }).problems.join('\n')
    assert.equal(problems({ allows: [athena], policies: [own] }), '')
    assert.match(
      problems({ allows: [{ actions: ['everything'], resources: ['*'] }] }),
      /must be an action such as/,
    )
    assert.match(
      problems({ allows: [{ actions: ['s3:GetObject'], resources: ['bucket'] }] }),
      /must be an ARN/,
    )
    assert.match(problems({ policies: ['not a policy'] }), /must be a managed policy by name or ARN/)
  })
})

describe('an environment', () => {
  it('keeps executions at once for the functions that decide, where it says so', () => {
    const resources = resourcesWith({}, { reservedConcurrency: { advance: 20, 'job-events': 2 } })
    const reserved = resources.flatMap(([id, { Properties }]) =>
      Properties?.ReservedConcurrentExecutions === undefined
        ? []
        : [[id.replace(/Function.*/, ''), Properties.ReservedConcurrentExecutions]],
    )
    assert.deepEqual(Object.fromEntries(reserved), { Sluiceadvance: 20, Sluicejobevents: 2 })
  })

  it('has Container Insights only where it says so', () => {
    const insights = (environment: Partial<Environment>) =>
      JSON.stringify(
        named(resourcesWith({}, environment), /^SluiceContainersCluster/).Properties.ClusterSettings,
      )
    assert.match(insights({}), /disabled/)
    assert.match(insights({ containerInsights: true }), /enabled/)
  })

  it('names no partition: it may be in China or in GovCloud', () => {
    assert.doesNotMatch(JSON.stringify(resourcesWith({})), /arn:aws[:-]/)
  })

  it('does not make secrets again that stayed from an earlier stack', () => {
    const names = resourcesWith({}, {}, ['mag/api-key']).flatMap(([, { Type, Properties }]) =>
      Type === 'AWS::SecretsManager::Secret' ? [Properties.Name] : [],
    )
    assert.deepEqual(names, ['sluice-visits-prod/other'])
  })

  it('refuses tags that AWS or Sluice would take for theirs', () => {
    const { problems } = checkExportedConfig({
      pipelines: [],
      environments: { prod: { region: 'eu-west-2', tags: { 'aws:x': 'y', team: 'data' } } },
    })
    assert.match(problems.join('\n'), /tags.*begin with aws: or sluice: are taken/)
  })
})

describe('names of pools', () => {
  it('are refused where parts of a deployment have them, or two differ in capitals alone', () => {
    assert.deepEqual(findPoolNameProblems(['default', 'heavy', 'functions', 'plan']), [])
    assert.match(
      findPoolNameProblems(['Cluster', 'heavy-Logs']).join('\n'),
      /pools\.Cluster: .*\npools\.heavy-Logs: /,
    )
    assert.match(
      findPoolNameProblems(['heavy', 'Heavy']).join('\n'),
      /heavy and Heavy differ only in capitals/,
    )
  })
})
