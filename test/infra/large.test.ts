import assert from 'node:assert/strict'
import { globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { App, NestedStack, Stack } from 'aws-cdk-lib'
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions'
import { type DeployedProject, Sluice, SluiceStack } from '../../infra/index.ts'
import { DECIDERS } from '../../src/define/deployment-options.ts'
import { daily, pipeline, task, text } from '../../src/index.ts'
import { NO_JOBS } from './no-jobs.ts'

type Resource = { Type: string; Properties: Record<string, unknown> }
type Resources = Record<string, Resource>

const folder = mkdtempSync(join(tmpdir(), 'sluice-large-'))
after(() => rmSync(folder, { recursive: true, force: true }))
for (const name of ['index.mjs', 'code.tgz', 'Dockerfile']) writeFileSync(join(folder, name), '')

const numbers = (count: number) => Array.from({ length: count }, (_, n) => String(n).padStart(3, '0'))
const Root = task('LargeRoot', { output: () => text('x') }, async ({ output }) => output.write('x'))

/** 300 scheduled pipelines, 40 pools of both kinds, 200 secrets: all of them used by the first pool. */
function largeProject(pipelines: number, pools: number, secretCount: number): DeployedProject {
  const secrets = numbers(secretCount).map((n) => `services/outside/key-${n}`)
  const pool = (n: string) => ({
    folder,
    version: '1',
    secrets: n === '000' || n === '001' ? secrets : secrets.slice(0, 5),
    ...(Number(n) % 2 === 1 ? { runsOn: 'fargate' as const } : {}),
  })
  return {
    project: 'visits',
    name: 'prod',
    environment: { region: 'eu-west-2', stack: 'sluice-visits-prod' },
    pipelines: numbers(pipelines).map((n) =>
      pipeline(`pipeline-with-a-usual-name-${n}`, Root, { schedule: daily() }),
    ),
    pools: {
      default: pool('000'),
      ...Object.fromEntries(numbers(pools - 1).map((n) => [`group-of-tasks-${n}`, pool(n)])),
    },
    jobs: NO_JOBS,
    programs: [],
    budgets: ['mag'],
    secrets,
    functions: Object.fromEntries(DECIDERS.map((each) => [each, folder])),
    code: '1',
  }
}

interface Synthesised {
  main: Resources
  /** Of the stack and its nested ones. */
  templates: Resources[]
  outputs: Record<string, { Value: unknown }>[]
  sizes: number[]
}

function synthesise(project: DeployedProject): Synthesised {
  const stack = new Stack(new App(), 'sluice-visits-prod', { env: { region: 'eu-west-2' } })
  new Sluice(stack, 'Sluice', { project })
  const nested = stack.node.findAll().filter((each) => NestedStack.isNestedStack(each)) as Stack[]
  const all = [stack, ...nested].map((each) => Template.fromStack(each).toJSON())
  const templates = all.map(({ Resources }) => Resources as Resources)
  return {
    main: templates[0] ?? {},
    templates,
    outputs: all.map(({ Outputs = {} }) => Outputs),
    sizes: all.map((each) => JSON.stringify(each).length),
  }
}

const ofType = (resources: Resources, type: string) =>
  Object.entries(resources).filter(([, { Type }]) => Type === type)

/** How long a value is when its references are resolved: names are 64 characters at most, ARNs with them 130. */
function resolved(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(resolved).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const [[name, inner] = ['', '']] = Object.entries(value)
  if (name === 'Ref') return String(inner).startsWith('AWS::') ? 'us-gov-west-1' : 'r'.repeat(130)
  if (name === 'Fn::GetAtt') return 'a'.repeat(130)
  if (name === 'Fn::Select' || name === 'Fn::Split') return 's'.repeat(36)
  if (name === 'Fn::Join') {
    const [between, parts] = inner as [string, unknown[]]
    return parts.map((part) => (typeof part === 'string' ? part : resolved(part))).join(between)
  }
  const fields = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}:${resolved(each)}`)
  return `{${fields.join(',')}}`
}

describe('a project of 300 pipelines, 40 pools and 200 secrets', () => {
  let synthesised: Synthesised
  before(() => {
    synthesised = synthesise(largeProject(300, 40, 200))
  })

  it('keeps to the limits of CloudFormation: 500 resources and a megabyte a template', () => {
    for (const [index, resources] of synthesised.templates.entries()) {
      assert.ok(Object.keys(resources).length <= 500, `template ${index}: ${Object.keys(resources).length}`)
      assert.ok((synthesised.sizes[index] ?? 0) < 1_000_000)
    }
    const machines = synthesised.templates.flatMap((each) => ofType(each, 'AWS::StepFunctions::StateMachine'))
    assert.equal(machines.length, 301)
  })

  const policiesOf = (type: string) => synthesised.templates.flatMap((each) => ofType(each, type))
  const lengthOf = ([, { Properties }]: [string, Resource]) => resolved(Properties.PolicyDocument).length
  const rolesOf = ([, { Properties }]: [string, Resource]) => (Properties.Roles as unknown[]).map(resolved)

  it('keeps to the 10,240 characters that IAM takes in the policies of a role', () => {
    // Each role has one policy of its own.
    for (const policy of policiesOf('AWS::IAM::Policy')) {
      assert.equal(rolesOf(policy).length, 1)
      assert.ok(lengthOf(policy) <= 10_240, `${policy[0]}: ${lengthOf(policy)}`)
    }
  })

  it('keeps to the 6,144 characters of a managed policy', () => {
    const managed = policiesOf('AWS::IAM::ManagedPolicy')
    assert.ok(managed.length > 3 && managed.length <= 30, `${managed.length}`)
    for (const policy of managed) assert.ok(lengthOf(policy) <= 6_144, `${policy[0]}: ${lengthOf(policy)}`)
  })

  it('lets a pool read all of its secrets by name, and no others', () => {
    const policies = synthesised.templates.flatMap((each) => [
      ...ofType(each, 'AWS::IAM::Policy'),
      ...ofType(each, 'AWS::IAM::ManagedPolicy'),
    ])
    const readable = policies.flatMap(([, { Properties }]) => {
      const { Statement } = Properties.PolicyDocument as {
        Statement: { Action: string | string[]; Resource: unknown }[]
      }
      return Statement.filter(({ Action }) => [Action].flat().includes('secretsmanager:GetSecretValue')).map(
        ({ Resource }) => [Resource].flat().map(resolved),
      )
    })
    assert.equal(Math.max(...readable.map((each) => each.length)) > 20, true)
    for (const arn of readable.flat())
      assert.match(arn, /:secret:sluice-visits-prod\/services\/outside\/key-\d+-\?{6}$/)
    // Three pools use all, the others five each.
    assert.equal(readable.flat().length, 3 * 200 + 37 * 5)
  })

  it('keeps to the 2,048 characters of a pattern of EventBridge', () => {
    const rules = ofType(synthesised.main, 'AWS::Events::Rule')
    assert.equal(rules.length, 2)
    for (const [id, { Properties }] of rules) assert.ok(resolved(Properties.EventPattern).length <= 2_048, id)
  })

  it('keeps to the 4 KB of variables of a function', () => {
    const functions = synthesised.templates.flatMap((each) => ofType(each, 'AWS::Lambda::Function'))
    // Programs are launched only if the project has containers.
    assert.equal(functions.length, 20 + DECIDERS.length)
    for (const [id, { Properties }] of functions) {
      const { Variables } = Properties.Environment as { Variables: Record<string, unknown> }
      const length = Object.entries(Variables).reduce(
        (sum, [name, each]) => sum + name.length + resolved(each).length,
        0,
      )
      assert.ok(length <= 4_096, `${id}: ${length}`)
    }
  })

  it('keeps to 200 outputs of 4,096 characters each', () => {
    for (const outputs of synthesised.outputs) {
      assert.ok(Object.keys(outputs).length <= 200)
      for (const [name, { Value }] of Object.entries(outputs))
        assert.ok(resolved(Value).length <= 4_096, `${name}: ${resolved(Value).length}`)
    }
  })

  it('has table, bucket and secrets where a small project has them, with the same ids', () => {
    const holding = ({ main }: Synthesised) =>
      ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::SecretsManager::Secret'].flatMap((type) =>
        ofType(main, type).map(([id]) => id),
      )
    const large = holding(synthesised)
    for (const id of holding(synthesise(largeProject(3, 2, 4)))) assert.ok(large.includes(id), id)
    assert.equal(large.length, 202)
  })
})

describe('a project that fits one stack', () => {
  it('has no other, up to its limits', () => {
    for (const [pipelines, pools, secrets] of [
      [100, 10, 40],
      [99, 10, 40],
      [260, 1, 5],
    ] as const) {
      const { templates } = synthesise(largeProject(pipelines, pools, secrets))
      assert.equal(templates.length, 1)
      assert.ok(Object.keys(templates[0] ?? {}).length <= 500)
    }
  })
})

describe('a stack whose executions the larger layout of another stack may answer', () => {
  const warningsOf = (name: string) => {
    const stack = new Stack(new App(), name, { env: { region: 'eu-west-2' } })
    new Sluice(stack, 'Sluice', { project: largeProject(1, 1, 0) })
    const warnings = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('could answer'))
    return warnings.map(({ entry }) => String(entry.data))
  }

  it('is warned of', () => {
    for (const name of ['data-x', 'data-x-eu'])
      assert.match(warningsOf(name)[0] ?? '', new RegExp(`A stack data .* executions of ${name}:`))
    for (const name of ['data', 'data-eu', 'data-xl']) assert.deepEqual(warningsOf(name), [])
  })
})

describe('the templates as they are written', () => {
  it('have the megabyte of CloudFormation at most', () => {
    const sizesOf = (project: DeployedProject) => {
      const app = new App()
      new SluiceStack(app, {
        project,
        images: Object.fromEntries(Object.keys(project.pools).map((name) => [name, 'image'])),
      })
      const { directory } = app.synth()
      const files = globSync('*.template.json', { cwd: directory })
      return files.map((file) => statSync(join(directory, file)).size)
    }
    const [size = 0, ...others] = sizesOf(largeProject(260, 1, 5))
    assert.deepEqual(others, [])
    assert.ok(size < 1_000_000, `${size}`)
    const sizes = sizesOf(largeProject(3_000, 12, 5))
    assert.ok(sizes.length > 12)
    assert.ok(Math.max(...sizes) < 1_000_000, `${sizes}`)
  })
})

describe('a project of 150 pipelines in one stack', () => {
  let main: Resources
  before(() => {
    main = synthesise(largeProject(150, 2, 10)).main
  })
  const machineArns = (type: string) =>
    ofType(main, type).flatMap(([, { Properties }]) => {
      const { Statement } = Properties.PolicyDocument as { Statement: { Resource: unknown }[] }
      return Statement.flatMap(({ Resource }) => [Resource].flat().map(resolved)).filter((arn) =>
        arn.includes(':stateMachine:'),
      )
    })

  it('names each state machine, within the limits of IAM', () => {
    assert.deepEqual(machineArns('AWS::IAM::Policy'), [])
    const arns = machineArns('AWS::IAM::ManagedPolicy')
    // Of the roles of plan, advance, tick, schedule and api.
    assert.equal(arns.length, 5 * 151)
    assert.equal(
      arns.some((arn) => arn.includes('*')),
      false,
    )
    for (const [id, { Properties }] of ofType(main, 'AWS::IAM::ManagedPolicy'))
      assert.ok(resolved(Properties.PolicyDocument).length <= 6_144, id)
    const counts = Map.groupBy(ofType(main, 'AWS::IAM::ManagedPolicy'), ([, { Properties }]) =>
      JSON.stringify(Properties.Roles),
    )
    for (const [role, policies] of counts) assert.ok(policies.length <= 9, `${role}: ${policies.length}`)
  })

  it('hears of its state machines by their prefix, within the limits of EventBridge', () => {
    for (const [id, { Properties }] of ofType(main, 'AWS::Events::Rule'))
      assert.ok(resolved(Properties.EventPattern).length <= 2_048, id)
  })
})
