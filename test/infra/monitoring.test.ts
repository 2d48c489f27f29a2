import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { type DeployedProject, Sluice } from '../../infra/index.ts'
import { findRunbook } from '../../infra/runbook.ts'
import type { Environment } from '../../src/define/config.ts'
import { DECIDERS } from '../../src/define/deployment-options.ts'
import { pipeline, task, text } from '../../src/index.ts'
import { NO_JOBS } from './no-jobs.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-monitoring-'))
after(() => rmSync(folder, { recursive: true, force: true }))
for (const name of ['index.mjs', 'code.tgz', 'Dockerfile']) writeFileSync(join(folder, name), '')

const Root = task('MonitoredRoot', { output: () => text('x') }, async ({ output }) => output.write('x'))

interface Resource {
  Type: string
  Properties: Record<string, unknown>
}

/** The resources of a stack with a pool of each kind. */
function synthesise(stackName: string, { region = 'eu-west-2', ...rest }: Environment = {}) {
  const pool = { folder, version: '1', secrets: [] }
  const project: DeployedProject = {
    project: 'visits',
    name: 'prod',
    environment: { ...rest, region, stack: stackName },
    pipelines: [pipeline('daily', Root), pipeline('hourly', Root)],
    pools: { default: pool, heavy: { ...pool, runsOn: 'fargate' } },
    jobs: NO_JOBS,
    programs: [],
    budgets: ['api'],
    secrets: [],
    functions: Object.fromEntries(DECIDERS.map((each) => [each, folder])),
    code: '1',
  }
  const stack = new Stack(new App(), stackName, { env: { region, account: '123456789012' } })
  new Sluice(stack, 'Sluice', { project, images: { heavy: 'example.com/heavy:1' } })
  return Object.entries<Resource>(Template.fromStack(stack).toJSON().Resources)
}

type Resources = ReturnType<typeof synthesise>

const ofType = (resources: Resources, type: string) => resources.filter(([, { Type }]) => Type === type)

/** A value of a template as text: references by the beginning of their ids, and what CloudFormation joins and splits. */
function resolved(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const [[name, inner] = ['', '']] = Object.entries(value)
  if (name === 'Ref') return String(inner).replace(/^AWS::Partition$/, 'aws')
  if (name === 'Fn::GetAtt') return (inner as string[]).join('.')
  if (name !== 'Fn::Join') throw new Error(`no value: ${JSON.stringify(value)}`)
  const [between, parts] = inner as [string, unknown]
  const { 'Fn::Split': split } = parts as { 'Fn::Split'?: [string, unknown] }
  const all = split === undefined ? (parts as unknown[]) : resolved(split[1]).split(split[0])
  return all.map(resolved).join(between)
}

const descriptionsOf = (resources: Resources) =>
  new Map(
    ofType(resources, 'AWS::CloudWatch::Alarm').map(([id, { Properties }]) => [
      id.replace(/^SluiceWatching(.*)[0-9A-F]{8}$/, '$1'),
      resolved(Properties.AlarmDescription).split('\n'),
    ]),
  )

/** The dashboard's name and text. */
function dashboardOf(resources: Resources): { name: string; body: string } {
  const { DashboardName, DashboardBody } =
    ofType(resources, 'AWS::CloudWatch::Dashboard')[0]?.[1].Properties ?? {}
  return { name: String(DashboardName), body: resolved(DashboardBody) }
}

describe('alarms', () => {
  const resources = synthesise('sluice-visits-prod')
  const descriptions = descriptionsOf(resources)

  it('name an article of the runbook', () => {
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    assert.ok(descriptions.size > 20)
    for (const [id, [first = '']] of descriptions) {
      const article = /^What it means and what to do: node_modules\/sluice\/docs\/operations\.md#([a-z-]+)$/
      assert.ok(page.includes(`\n## ${article.exec(first)?.[1]}\n`), `${id}: ${first}`)
    }
  })

  it('link the page of the AWS console of what they are about', () => {
    const console = 'https://eu-west-2.console.aws.amazon.com'
    const linksOf = (id: string) => descriptions.get(id)?.slice(1).map(withoutHashes)
    assert.deepEqual(linksOf('defaultOldestMessage'), [
      `${console}/sqs/v3/home?region=eu-west-2#/queues/SluiceQueuesPooldefault`,
    ])
    assert.deepEqual(linksOf('PooldefaultDeadLetters'), [
      `${console}/sqs/v3/home?region=eu-west-2#/queues/SluiceQueuesPooldefaultDeadLetters`,
    ])
    assert.deepEqual(linksOf('tickErrors'), [
      `${console}/cloudwatch/home?region=eu-west-2#logsV2:log-groups/log-group/SluicetickLogs`,
    ])
    assert.deepEqual(linksOf('planThrottles'), [
      `${console}/lambda/home?region=eu-west-2#/functions/SluiceplanFunction?tab=monitoring`,
    ])
    assert.deepEqual(linksOf('StreamBehind'), [
      `${console}/cloudwatch/home?region=eu-west-2#logsV2:log-groups/log-group/SluiceadvanceLogs`,
      `${console}/dynamodbv2/home?region=eu-west-2#table?name=SluiceRecordsTable&tab=monitoring`,
    ])
    assert.deepEqual(linksOf('ContainersNotStarting'), [
      `${console}/ecs/v2/clusters/SluiceContainersCluster/tasks?region=eu-west-2`,
    ])
    assert.deepEqual(linksOf('RunsFailed'), [
      `${console}/cloudwatch/home?region=eu-west-2#dashboards/dashboard/sluice-visits-prod`,
    ])
    for (const [id, lines] of descriptions) {
      assert.ok(lines.length > 1, id)
      // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
      assert.ok(lines.join('\n').length + 200 < 1024, id)
    }
  })

  it('escape the slashes of names, which are known to CloudFormation only', () => {
    const alarms = ofType(resources, 'AWS::CloudWatch::Alarm')
    const alarm = alarms.find(([id]) => id.includes('defaultOldestMessage'))?.[1]
    assert.match(
      JSON.stringify(alarm?.Properties.AlarmDescription),
      /"Fn::Join":\["%2F",\{"Fn::Split":\["\/",\{"Ref":"SluiceQueuesPooldefault/,
    )
  })

  it('link the console of their partition', () => {
    const [, link = ''] = descriptionsOf(synthesise('data', { region: 'cn-north-1' })).get('apiErrors') ?? []
    assert.match(link, /^https:\/\/cn-north-1\.console\.amazonaws\.cn\//)
  })

  it('link a runbook of the environment', () => {
    const runbook = 'https://wiki.example.com/sluice'
    const [first] = descriptionsOf(synthesise('data', { runbook })).get('apiErrors') ?? []
    assert.equal(first, `What it means and what to do: ${runbook}#function-errors`)
  })
})

const withoutHashes = (link: string) => link.replaceAll(/(Sluice[A-Za-z]+)[0-9A-F]{8}/g, '$1')

describe('the runbook', () => {
  it('is in the repository of the package, at its version', () => {
    const page = 'https://code.example.com/sluice/blob/v1.2.3/docs/operations.md'
    for (const repository of [
      'https://code.example.com/sluice',
      { url: 'git+https://code.example.com/sluice.git' },
    ])
      assert.equal(findRunbook({ version: '1.2.3', repository }), page)
  })

  it('is the file in the package if no repository is named on the web', () => {
    for (const repository of [{}, { repository: 'git@code.example.com:sluice.git' }])
      assert.equal(findRunbook({ version: '1.2.3', ...repository }), 'node_modules/sluice/docs/operations.md')
  })
})

describe('stacks of one account whose names begin alike, with an environment of the same name', () => {
  const [one, other] = [synthesise('data'), synthesise('data-eu')]

  it('have dashboards of their own, which show and link their own state machines', () => {
    assert.deepEqual([dashboardOf(one).name, dashboardOf(other).name], ['data', 'data-eu'])
    const { body } = dashboardOf(one)
    const machines = [...body.matchAll(/stateMachine:([\w-]+)/g)].map(([, name]) => name)
    assert.deepEqual(new Set(machines), new Set(['data-daily', 'data-hourly', 'data-Tasks']))
    assert.doesNotMatch(body, /SEARCH/)
    const link = 'https://eu-west-2.console.aws.amazon.com/states/home?region=eu-west-2#/statemachines/view/'
    assert.ok(
      body.includes(`[daily](${link}arn:aws:states:eu-west-2:123456789012:stateMachine:data-daily)`),
      body,
    )
  })

  it('have alarms on their own figures, which their functions and containers write', () => {
    const servicesOf = (resources: Resources) =>
      ofType(resources, 'AWS::CloudWatch::Alarm').flatMap(([, { Properties }]) =>
        Properties.Namespace === 'Sluice' ? JSON.stringify(Properties.Dimensions) : [],
      )
    assert.deepEqual(new Set(servicesOf(one)), new Set(['[{"Name":"service","Value":"data"}]']))
    assert.deepEqual(new Set(servicesOf(other)), new Set(['[{"Name":"service","Value":"data-eu"}]']))
    const told = JSON.stringify([
      ...ofType(other, 'AWS::Lambda::Function'),
      ...ofType(other, 'AWS::ECS::TaskDefinition'),
    ])
    assert.ok(told.includes('"SLUICE_STACK":"data-eu"'))
    assert.ok(told.includes('{"Name":"SLUICE_STACK","Value":"data-eu"}'))
  })
})
