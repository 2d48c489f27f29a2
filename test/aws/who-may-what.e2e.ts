import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { invoke, until } from './deployed.ts'

// The last of the files: it looks at what all of the others have asked for.

/** What a role has asked for, as the emulator notes it. */
interface Asked {
  role: string
  action: string
  resource: string
  context: { [key: string]: string | string[] }
  allowed: boolean
}

interface Statement {
  Action: string | string[]
  Resource: string | string[]
}
interface Policy {
  name: string
  policy: { Version: string; Statement: Statement[] }
}

const iam = new IAMClient({})
const ACCOUNT = '000000000000'

const asked = (): Asked[] =>
  readFileSync(join(process.env.AWS_TEST_RUN ?? '', 'requests.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    // The requests of sluice-earlier were made under the rights of two versions.
    .filter(({ role }: Asked) => role.startsWith('sluice-') && !role.startsWith('sluice-earlier-'))

async function policiesOf(RoleName: string): Promise<Policy[]> {
  const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }))
  const own = PolicyNames.map(async (PolicyName) => {
    const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))
    return { name: PolicyName, policy: parsed(PolicyDocument) }
  })
  const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }))
  const attached = AttachedPolicies.map(async ({ PolicyArn = '' }) => {
    const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn }))
    const version = { PolicyArn, VersionId: Policy?.DefaultVersionId }
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand(version))
    return { name: PolicyArn, policy: parsed(PolicyVersion?.Document) }
  })
  return Promise.all([...own, ...attached])
}

/** Documents come URL-encoded, from the emulator as they are. */
function parsed(document = '{}'): Policy['policy'] {
  return JSON.parse(document.startsWith('%') ? decodeURIComponent(document) : document)
}

/**
 * By its tables these actions know no resource, yet AWS looks at the machine of the token
 * (https://github.com/aws/aws-cdk/pull/8486): they are evaluated as one that does.
 */
const AS: { [action: string]: string } = {
  'states:SendTaskSuccess': 'states:StartExecution',
  'states:SendTaskFailure': 'states:DescribeStateMachine',
}
const asKnown = (action: string) => AS[action] ?? action

/** Whether these policies allow it; what the evaluator does not take as a request is an error. */
async function isAllowed({ role, action, resource, context }: Asked, policies: Policy[]): Promise<boolean> {
  const told = Object.entries(context).filter(([, value]) => value !== null && value !== undefined)
  const answer = await runSimulation(
    {
      request: {
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/session`,
        action: asKnown(action),
        resource: { resource, accountId: ACCOUNT },
        contextVariables: Object.fromEntries(told),
      },
      identityPolicies: withActions(policies, (actions) => actions.map(asKnown)),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  if (answer.resultType === 'error')
    throw new Error(`${action} on ${resource}: ${JSON.stringify(answer.errors)}`)
  return answer.overallResult === 'Allowed'
}

const actionsOf = ({ Action }: Statement) => [Action].flat()

/** The same without one action. */
const without = (policies: Policy[], action: string): Policy[] =>
  withActions(policies, (actions) => actions.filter((each) => each !== action))

const withActions = (policies: Policy[], change: (actions: string[]) => string[]): Policy[] =>
  policies.map(({ name, policy }) => ({
    name,
    policy: {
      ...policy,
      Statement: policy.Statement.map((statement) => ({
        ...statement,
        Action: change(actionsOf(statement)),
      })).filter(({ Action }) => Action.length > 0),
    },
  }))

/** Permissions that these tests may leave unused, each with the reason why the role has it. */
const UNUSED: [grants: RegExp, reason: string][] = [
  [
    /^\w+ logs:(CreateLogStream|PutLogEvents)$/,
    'Lambda writes the log of a function in its name; the emulator writes it itself',
  ],
  [
    /^(advance|Pool|launchprograms) sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes|GetQueueUrl|ChangeMessageVisibility)$/,
    'Lambda polls the queues of a function in its name',
  ],
  [
    /^advance dynamodb:(ListStreams|DescribeStream|GetRecords|GetShardIterator)$/,
    'Lambda polls the stream of the table in the name of the function',
  ],
  [
    /^(Pool|Containers|Programs) s3:AbortMultipartUpload$/,
    'a body that fails while it writes a target above 5 MB',
  ],
  [
    /^(Pool|Containers|Programs) s3:DeleteObject$/,
    'what a dead attempt has left beside a target is removed by the next one',
  ],
  [/^(Containers|Programs) ssmmessages:/, 'sluice shell: the agent of ECS Exec, which the emulator has not'],
  [
    /^(api|advance|jobevents|tick|launchprograms) s3:ListBucket$/,
    'S3 says of a plan that is missing "not found" instead of "forbidden"',
  ],
  [/^api secretsmanager:DescribeSecret$/, 'a plan that is only looked at tells which secrets are not set'],
  [
    /^(plan|jobevents|tick|launchprograms) dynamodb:(Query|DeleteItem)$/,
    'executions and waiters that are taken off their lists after a lost race or a stop',
  ],
  [/^Pool sqs:SendMessage$/, 'a message that came too early is sent again with a delay: a race'],
  [
    /^advance s3:PutObject$/,
    'what a task has yielded is put into its run: only tasks of Luigi yield here, and their file takes turns (run.ts)',
  ],
  [
    /^tick states:SendTask(Success|Failure)$/,
    'the end of a run that advance could not handle is answered by the tick (test/handlers)',
  ],
  [/^tick s3:PutObject$/, 'the audit puts what was yielded into its run where advance has died'],
  [
    /^launchprograms ecs:(ListTasks|StopTask)$/,
    'a launch that was cut is looked for, and a program whose attempt is over is stopped',
  ],
  [/^launchworkers dynamodb:UpdateItem$/, 'comes with the right to put records; launches are put whole'],
]

/** The part of a deployment that a role is of; all pools of functions are one part, all of containers and of programs others. */
const partOf = (role: string) =>
  role
    .replace(/^sluice-[a-z]+-Sluice/, '')
    .replace(/(Task)?Role[0-9A-F]{6,}.*$/, '')
    .replace(/^(Pool|Containers|Programs).*/, '$1')

/** What the roles of each part may do, as `part service:Action`. */
function grantsOf(policies: Map<string, Policy[]>): Set<string> {
  const grants = [...policies].flatMap(([role, own]) =>
    own
      .flatMap(({ policy }) => policy.Statement.flatMap(actionsOf))
      .map((action) => `${partOf(role)} ${action}`),
  )
  return new Set(grants)
}

describe('what the roles of a deployment have asked for', () => {
  let requests: Asked[] = []
  const policies = new Map<string, Policy[]>()
  before(async () => {
    requests = asked()
    for (const role of new Set(requests.map(({ role }) => role))) policies.set(role, await policiesOf(role))
  })

  it('is allowed by the emulator', () => {
    const denied = requests.filter(({ allowed }) => !allowed)
    assert.deepEqual(denied, [])
    const roles = ['advance', 'api', 'jobevents', 'launchworkers', 'plan', 'schedule', 'tick', 'TaskRole']
    for (const role of roles)
      assert.ok(
        requests.some((each) => each.role.includes(role)),
        `${role} has asked for nothing`,
      )
  })

  it('is allowed by another evaluator as well', async () => {
    const denied: Asked[] = []
    for (const each of requests)
      if (!(await isAllowed(each, policies.get(each.role) ?? []))) denied.push(each)
    assert.deepEqual(denied, [])
    console.log(`${requests.length} different requests of ${policies.size} roles`)
  })

  it('is not allowed where the permission is missing', async () => {
    for (const [role, own] of policies)
      for (const action of new Set(
        requests.filter((each) => each.role === role).map((each) => each.action),
      )) {
        const request = requests.find((each) => each.role === role && each.action === action) as Asked
        assert.equal(await isAllowed(request, without(own, action)), false, `${role} ${action}`)
      }
  })

  it('is all that they may do, but for what has a reason', () => {
    const grants = grantsOf(policies)
    const used = new Set(requests.map(({ role, action }) => `${partOf(role)} ${action}`))
    const isReviewed = (grant: string) => UNUSED.some(([grants]) => grants.test(grant))
    assert.deepEqual(
      [...grants].filter((grant) => !used.has(grant) && !isReviewed(grant)),
      [],
    )
    // An exception for what no role has any more is taken off the list.
    const idle = UNUSED.filter(([exception]) => ![...grants].some((grant) => exception.test(grant)))
    assert.deepEqual(idle.map(String), [])
  })
})

describe('a permission that is missing in the deployment', () => {
  it('is seen where it is asked for', async () => {
    const role = asked().find((each) => each.role.includes('Sluicelaunchworkers'))?.role ?? ''
    const [own] = await policiesOf(role)
    assert.ok(own !== undefined)
    const put = (policy: Policy['policy'] | undefined) =>
      iam.send(
        new PutRolePolicyCommand({
          RoleName: role,
          PolicyName: own.name,
          PolicyDocument: JSON.stringify(policy),
        }),
      )
    const [missing] = without([own], 'sqs:GetQueueAttributes')
    await put(missing?.policy)
    try {
      await invoke('launch-workers', { pool: 'heavy' })
      const denied = await until(30, 'the denial', async () => asked().find(({ allowed }) => !allowed))
      assert.deepEqual([denied.role, denied.action], [role, 'sqs:GetQueueAttributes'])
    } finally {
      await put(own.policy)
    }
  })
})
