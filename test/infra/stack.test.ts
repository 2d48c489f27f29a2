import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { AwsSolutionsChecks } from 'cdk-nag'
import { makeMachineDefinition } from '../../infra/executions.ts'
import { readProject, Sluice } from '../../infra/index.ts'
import {
  type Part,
  readPartSettings,
  SETTINGS_OF,
  toSettingVariable,
} from '../../src/homes/aws/environment.ts'
import { projectFolder } from '../support/folders.ts'

/** It has no types. */
const validator: (definition: object) => { isValid: boolean; errorsText(): string } = createRequire(
  import.meta.url,
)('asl-validator')

type Resource = { Type: string; Properties: Record<string, unknown>; DependsOn?: string[] }
type Statement = { Action: string | string[]; Resource: unknown; Condition?: unknown }

const outdir = mkdtempSync(join(tmpdir(), 'sluice-infra-'))
after(() => rmSync(outdir, { recursive: true, force: true }))

let app: App
let resources: Record<string, Resource>

before(async () => {
  const config = join(projectFolder, 'sluice.config.ts')
  const project = await readProject({ config, environment: 'prod', outdir })
  project.environment.tags = { team: 'data' }
  app = new App()
  const stack = new Stack(app, 'sluice-prod', { env: { region: 'eu-west-2' } })
  new Sluice(stack, 'Sluice', { project })
  resources = Template.fromStack(stack).toJSON().Resources
})

const of = (type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type)
/** A value of a template as text, with names instead of references. */
const text = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value)
  const [[name, inner] = ['', '']] = Object.entries(value)
  if (name === 'Ref') return `<${inner}>`
  if (name === 'Fn::GetAtt') return `<${(inner as string[]).join('.')}>`
  if (name === 'Fn::Join')
    return [(inner as unknown[])[1]]
      .flat()
      .map(text)
      .join((inner as [string])[0])
  return JSON.stringify(value)
}

/** Resources that name more than one thing, and why they may; everything else is one thing by its name. */
const WILDCARDS: [wildcard: RegExp, reason: string][] = [
  [/^\*$/, 'actions that AWS gives no resources, listed below'],
  [
    /:s3:::.*\/(plans|targets)\/\*(~\*)?$/,
    'plans of all runs, what tasks yield, targets of all tasks: names that come with the runs',
  ],
  [
    /:secret:sluice-prod\/\*$/,
    'secrets of one deployment, to set and to look whether they are set, and not to read',
  ],
  [/:task-definition\/sluice-prod-[a-z]+:\*$/, 'revisions of one task definition'],
  [/:task\/.*\/\*$/, 'tasks of one cluster'],
  [/\/stream\/\*$/, 'streams of one table'],
]
const isReviewed = (resource: string) => WILDCARDS.some(([wildcard]) => wildcard.test(resource))

describe('the stack', () => {
  it('follows the AwsSolutions pack of cdk-nag, but for exceptions with a reason', () => {
    const { violations } = new AwsSolutionsChecks(app).validateScope(app)
    const wildcards = violations.map(
      ({ ruleName }) => /^AwsSolutions-IAM5\[Resource::(.*)\]$/.exec(ruleName)?.[1],
    )
    const others = violations.filter((_, index) => !isReviewed(wildcards[index] ?? ''))
    assert.deepEqual(
      others.map(({ ruleName }) => ruleName),
      [],
    )
    assert.ok(wildcards.length > 0, 'the pack has looked')
  })

  it('keeps the ids of what holds data: another id would be an empty table and an empty bucket', () => {
    const holding = Object.entries(resources).filter(([, { Type }]) =>
      ['AWS::DynamoDB::Table', 'AWS::S3::Bucket'].includes(Type),
    )
    assert.deepEqual(holding.map(([id]) => id).sort(), [
      'SluiceRecordsBucket2DFB7D5D',
      'SluiceRecordsTableA718B08C',
    ])
    for (const [, resource] of holding)
      assert.equal((resource as { DeletionPolicy?: string }).DeletionPolicy, 'Retain')
  })

  it('keeps what holds data, secrets or logs when the stack is removed', () => {
    const holding = [
      'AWS::DynamoDB::Table',
      'AWS::S3::Bucket',
      'AWS::SecretsManager::Secret',
      'AWS::Logs::LogGroup',
    ]
    for (const type of holding) {
      assert.ok(of(type).length > 0, type)
      for (const [id, resource] of of(type))
        assert.equal((resource as { DeletionPolicy?: string }).DeletionPolicy, 'Retain', id)
    }
  })

  it('has tags by which a bill tells projects, environments, pools and pipelines apart', () => {
    const tagsOf = (id: string): { [key: string]: string } => {
      const found = Object.entries(resources).find(([each]) => each.startsWith(id))
      const tags = (found?.[1].Properties.Tags ?? []) as { Key: string; Value: string }[]
      return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]))
    }
    const all = { 'sluice:project': 'sluice', 'sluice:environment': 'prod', team: 'data' }
    assert.deepEqual(tagsOf('SluiceRecordsTable'), all)
    assert.deepEqual(tagsOf('SluiceMachinesarxlive'), { ...all, 'sluice:pipeline': 'arxlive' })
    assert.deepEqual(tagsOf('SluicePooldefaultFunction'), { ...all, 'sluice:pool': 'default' })
    assert.deepEqual(tagsOf('SluiceContainersheavy9'), { ...all, 'sluice:pool': 'heavy' })
  })

  it('has the table that the adapter expects', () => {
    const [[, table] = []] = of('AWS::DynamoDB::Table')
    const Properties = table?.Properties ?? {}
    assert.deepEqual(Properties.StreamSpecification, { StreamViewType: 'NEW_AND_OLD_IMAGES' })
    assert.deepEqual(Properties.TimeToLiveSpecification, { AttributeName: 'expiresAt', Enabled: true })
    assert.equal(Properties.BillingMode, 'PAY_PER_REQUEST')
    const [index] = Properties.GlobalSecondaryIndexes as {
      IndexName: string
      Projection: { ProjectionType: string }
    }[]
    assert.deepEqual([index?.IndexName, index?.Projection.ProjectionType], ['due', 'KEYS_ONLY'])
  })

  it('gives every function and container the variables that its own parser takes, and no others of ours', () => {
    const parts = new Map<Part, Record<string, unknown>>()
    for (const [id, { Properties }] of of('AWS::Lambda::Function')) {
      const { Variables } = Properties.Environment as { Variables: Record<string, unknown> }
      const handler = String(Properties.Handler).replace(/\/?index\.handler$/, '')
      assert.ok(id.startsWith('Sluice'))
      parts.set((handler === '' ? 'lambda-worker' : handler) as Part, Variables)
    }
    for (const [, { Properties }] of of('AWS::ECS::TaskDefinition')) {
      const [container] = Properties.ContainerDefinitions as {
        Environment: { Name: string; Value: unknown }[]
      }[]
      const pairs = container?.Environment.map(({ Name, Value }) => [Name, Value]) ?? []
      parts.set('worker', Object.fromEntries(pairs))
    }
    // Programs in containers have a test of their own.
    const expected = Object.keys(SETTINGS_OF).filter(
      (part) => !['keeper', 'shell-keeper', 'launch-programs'].includes(part),
    )
    assert.deepEqual([...parts.keys()].sort(), expected.sort())
    for (const [part, variables] of parts) {
      const resolved = Object.entries(variables).map(([name, value]) => [name, readable(name, text(value))])
      assert.doesNotThrow(() => readPartSettings(part, Object.fromEntries(resolved)), part)
      const ours = Object.keys(variables).filter(
        (name) => name.startsWith('SLUICE_') && name !== 'SLUICE_BUNDLE',
      )
      assert.deepEqual(ours.sort(), SETTINGS_OF[part].map(toSettingVariable).sort(), part)
    }
  })

  /** Queues and buckets have names only when they are there. */
  function readable(name: string, value: string): string {
    const named = value
      .replaceAll(/<SluiceQueues[^>]*>/g, 'https://sqs.example/queue')
      .replaceAll(/<[^>]*>/g, 'name')
    return name === toSettingVariable('storage') ? named.replace(/^.*s3:/, 's3:') : named
  }

  it('says what is wrong with an environment, all at once', () => {
    assert.throws(
      () => readPartSettings('launch-workers', { SLUICE_QUEUES: '{"default": 1}', SLUICE_WORKERS: 'no' }),
      /SLUICE_QUEUES: .*\n(.*\n)*- SLUICE_WORKERS: is not JSON/,
    )
  })

  it('has a dead-letter queue for every queue, and alarms for all of them and for every function', () => {
    const queues = of('AWS::SQS::Queue')
    const alarmed = JSON.stringify(of('AWS::CloudWatch::Alarm'))
    for (const [id, { Properties }] of queues) {
      const isLast = /DeadLetters/.test(id)
      assert.equal(Properties.RedrivePolicy === undefined, isLast, id)
      if (isLast) assert.ok(alarmed.includes(id), `no alarm looks at ${id}`)
      assert.equal(Properties.MessageRetentionPeriod, 1_209_600)
    }
    for (const [id] of of('AWS::Lambda::Function')) assert.ok(alarmed.includes(id), `no alarm looks at ${id}`)
    for (const [id, { Properties }] of of('AWS::CloudWatch::Alarm')) {
      assert.match(text(Properties.AlarmDescription), /docs\/operations\.md#[a-z-]+\n/, id)
      assert.equal((Properties.AlarmActions as unknown[]).length, 1)
    }
  })

  it('lets functions that feed themselves go on', () => {
    const looping = of('AWS::Lambda::Function').filter(
      ([, { Properties }]) => Properties.RecursiveLoop === 'Allow',
    )
    assert.deepEqual(looping.map(([id]) => id.replace(/Function[0-9A-F]{8}$/, '')).sort(), [
      'SluicePooldefault',
      'Sluiceadvance',
    ])
  })

  it('waits for the visibility that AWS advises: six times the function', () => {
    for (const [id, { Properties }] of of('AWS::SQS::Queue'))
      if (/^SluiceQueuesPool[a-z]+[0-9A-F]{8}$/.test(id)) assert.equal(Properties.VisibilityTimeout, 5_400)
  })
})

describe('state machines', () => {
  it('are valid Amazon States Language', () => {
    const { isValid, errorsText } = validator(
      makeMachineDefinition('arn:aws:lambda:eu-west-2:123456789012:function:plan', 'wide', 'aws'),
    )
    assert.ok(isValid, errorsText())
    assert.equal(validator({ StartAt: 'None', States: {} }).isValid, false)
  })

  it('are one per pipeline and one for task families', () => {
    const names = of('AWS::StepFunctions::StateMachine').map(
      ([, { Properties }]) => Properties.StateMachineName,
    )
    assert.deepEqual(names.sort(), [
      'sluice-prod-Tasks',
      'sluice-prod-arxlive',
      'sluice-prod-search-daily',
      'sluice-prod-search-hourly',
      'sluice-prod-search-quarter',
    ])
  })
})

describe('permissions', () => {
  /** What each role may do, as `service:Action`. */
  const ALLOWED: Record<string, string> = {
    SluiceContainersheavyTaskRole:
      'dynamodb:BatchGetItem PutItem UpdateItem s3:AbortMultipartUpload DeleteObject GetObject ListBucket PutObject sqs:DeleteMessage ReceiveMessage SendMessage ssmmessages:CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel',
    SluicePooldefaultRole:
      'dynamodb:BatchGetItem PutItem UpdateItem s3:AbortMultipartUpload DeleteObject GetObject ListBucket PutObject secretsmanager:GetSecretValue sqs:ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage',
    Sluiceplan:
      'dynamodb:BatchGetItem DeleteItem PutItem Query UpdateItem s3:GetObject ListBucket PutObject secretsmanager:DescribeSecret states:SendTaskFailure SendTaskSuccess',
    Sluiceadvance:
      'dynamodb:BatchGetItem DeleteItem DescribeStream GetRecords GetShardIterator ListStreams PutItem Query UpdateItem lambda:InvokeFunction s3:GetObject ListBucket PutObject sqs:GetQueueAttributes GetQueueUrl SendMessage states:SendTaskFailure SendTaskSuccess',
    Sluiceschedule: 'dynamodb:BatchGetItem PutItem UpdateItem states:StartExecution',
    Sluiceapi:
      'dynamodb:BatchGetItem PutItem Query UpdateItem logs:FilterLogEvents s3:GetObject ListBucket secretsmanager:DescribeSecret PutSecretValue states:StartExecution',
    Sluicetick:
      'dynamodb:BatchGetItem DeleteItem PutItem Query UpdateItem lambda:InvokeFunction logs:FilterLogEvents s3:GetObject ListBucket PutObject sqs:DeleteMessage ReceiveMessage SendMessage states:SendTaskFailure SendTaskSuccess',
    Sluicejobevents:
      'dynamodb:BatchGetItem DeleteItem PutItem Query UpdateItem lambda:InvokeFunction s3:GetObject ListBucket',
    Sluicelaunchworkers:
      'dynamodb:BatchGetItem PutItem UpdateItem ecs:DescribeTasks ListTasks RunTask TagResource iam:PassRole sqs:GetQueueAttributes',
  }
  /** Actions that AWS gives no resources. */
  const WITHOUT_RESOURCES =
    /^(ssmmessages:|ecs:ListTasks$|logs:(\w*LogDelivery|ListLogDeliveries|\w*ResourcePolic\w*|DescribeLogGroups)$|xray:|ecr:GetAuthorizationToken$|dynamodb:ListStreams$)/

  const statementsOf = (policy: Resource) =>
    (policy.Properties.PolicyDocument as { Statement: Statement[] }).Statement
  const wildcardsOf = ({ Resource }: Statement) =>
    [Resource]
      .flat()
      .map(text)
      .filter((each) => each.includes('*'))
  const actionsOf = ({ Action }: Statement) => [Action].flat()

  it('are those of the table, and no others', () => {
    for (const [role, expected] of Object.entries(ALLOWED)) {
      const policies = of('AWS::IAM::Policy').filter(([id]) => id.startsWith(role))
      assert.equal(policies.length, 1, role)
      const actions = new Set(policies.flatMap(([, policy]) => statementsOf(policy).flatMap(actionsOf)))
      // Its own log.
      for (const own of ['logs:CreateLogStream', 'logs:PutLogEvents']) actions.delete(own)
      const shown = [...Map.groupBy([...actions].sort(), (action) => action.split(':')[0])].map(
        ([service, all]) => `${service}:${all.map((action) => action.split(':')[1]).join(' ')}`,
      )
      assert.equal(shown.join(' '), expected, role)
    }
  })

  it('are for the state machines of this stack, and not of one whose name begins alike', () => {
    const named = [...of('AWS::IAM::Policy'), ...of('AWS::IAM::ManagedPolicy')]
      .flatMap(([, policy]) => statementsOf(policy))
      .filter((statement) => actionsOf(statement).some((action) => action.startsWith('states:')))
      .flatMap(({ Resource }) => [Resource].flat().map(text))
    const rules = of('AWS::Events::Rule').flatMap(([, { Properties }]) => {
      const { detail } = Properties.EventPattern as { detail: { stateMachineArn?: unknown[] } }
      return detail.stateMachineArn ?? []
    })
    const own = of('AWS::StepFunctions::StateMachine').map(
      ([, { Properties }]) => Properties.StateMachineName,
    )
    const nameOf = (arn: string) => arn.split(':').at(-1)
    assert.ok(own.length > 3)
    assert.deepEqual(new Set(named.map(nameOf)), new Set(own))
    assert.deepEqual(new Set(rules.map(text).map(nameOf)), new Set(own))
  })

  it('name what they are for: a wildcard is on the list', () => {
    const statements = of('AWS::IAM::Policy').flatMap(([id, policy]) =>
      statementsOf(policy).map((statement) => ({
        id,
        actions: actionsOf(statement),
        wide: wildcardsOf(statement),
      })),
    )
    for (const { id, actions, wide } of statements) {
      assert.deepEqual(
        actions.filter((action) => action.includes('*')),
        [],
        id,
      )
      assert.deepEqual(
        wide.filter((resource) => !isReviewed(resource)),
        [],
        id,
      )
      const bare = wide.includes('*') ? actions : []
      assert.deepEqual(
        bare.filter((action) => !WITHOUT_RESOURCES.test(action)),
        [],
        id,
      )
    }
  })
})
