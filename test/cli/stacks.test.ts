import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { IAMClient } from '@aws-sdk/client-iam'
import { makeEcsRole } from '../../src/cli/remote/account.ts'
import { readBuildSecrets } from '../../src/cli/remote/build-secrets.ts'
import { findLostData } from '../../src/cli/remote/data-loss.ts'
import { settleOpenRuns } from '../../src/cli/remote/settle-runs.ts'
import { makeLocalControl } from '../../src/control/local-control.ts'
import { findDeployedEnvironment, makeDefaultStackName } from '../../src/define/deployed-environment.ts'
import { makeScheduleHandler } from '../../src/homes/aws/handlers/schedule.ts'
import { joinOrStartExecution } from '../../src/homes/aws/handlers/start-run.ts'
import { openSecretsOfState } from '../../src/homes/local/open-control.ts'
import { findDeploymentTarget } from '../../src/homes/remote/stack.ts'
import { build, container, daily, pipeline, secret, task, text } from '../../src/index.ts'
import { makeEmptyProject, type Project } from '../../src/project/load-config.ts'
import { readProjectName } from '../../src/project/project-name.ts'
import { memoryDeployment } from '../handlers/deployment.ts'
import { testProject } from '../support/cli.ts'
import { errorText, fakeAws, type ToldStack } from '../support/fake-cloudformation.ts'
import { temporaryFolder } from '../support/folders.ts'

const signedIn = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }
const Root = task('StacksRoot', { output: () => text('x') }, async ({ output }) => output.write('x'))

const machine = (stack: string, name: string): [string, string] => [
  'AWS::StepFunctions::StateMachine',
  `arn:aws:states:eu-west-2:123456789012:stateMachine:${stack}-${name}`,
]
const earlier = (...pipelines: string[]): ToldStack => ({
  outputs: { ApiUrl: 'https://api.example' },
  resources: [...pipelines, 'Tasks'].map((name) => machine('sluice-prod', name)),
})

const projectOf = (name: string, pipelines: string[], stack?: string): Project => ({
  ...makeEmptyProject('/nowhere'),
  name,
  pipelines: new Map(pipelines.map((each) => [each, pipeline(each, Root)])),
  environments: { prod: { region: 'eu-west-2', ...(stack === undefined ? {} : { stack }) } },
})

/** The stack that is found among those that are there. */
async function found(test: TestContext, project: Project, stacks: { [name: string]: ToldStack }) {
  const { url } = await fakeAws(test, stacks)
  Object.assign(process.env, signedIn, { AWS_ENDPOINT_URL: url })
  const target = await findDeploymentTarget(project, findDeployedEnvironment(project, 'prod'))
  return [target.environment.stack, target.found !== undefined]
}

describe('secrets that images are built with', () => {
  const image = build('image', { secrets: { pip: secret('pypi/token'), npm: secret('npm/token') } })
  const { root } = pipeline('stacks-built', container('StacksBuilt', { image, command: ['true'] }))
  const tasks = new Map([[root.family, root]])

  it('are those of this machine, as variables of the command that builds', async (test) => {
    const state = temporaryFolder(test)
    const secrets = openSecretsOfState(state)
    secrets.set('pypi/token', 'one')
    await assert.rejects(readBuildSecrets({ tasks }, state), /not set on this machine: npm\/token\./)
    secrets.set('npm/token', 'two')
    const values = await readBuildSecrets({ tasks }, state)
    assert.deepEqual(Object.values(values), ['one', 'two'])
    for (const name of Object.keys(values)) assert.match(name, /^SLUICE_SECRET_/)
  })
})

describe('the stack of an environment', () => {
  it('has the name of its project, as far as there is room', () => {
    assert.equal(makeDefaultStackName('visits', 'prod'), 'sluice-visits-prod')
    assert.equal(makeDefaultStackName('my_visits', 'eu_1'), 'sluice-my-visits-eu-1')
    const [first, second] = ['a', 'b'].map((end) =>
      makeDefaultStackName(`analysis-of-all-visits-${end}`, 'production'),
    )
    assert.match(first ?? '', /^sluice-analys[a-z-]*-[0-9a-f]{4}-production$/)
    assert.equal(first?.length, 30)
    assert.notEqual(first, second)
    assert.throws(() => makeDefaultStackName('visits', 'e'.repeat(30)), /too long for that of a stack/)
  })

  it('is called by the nearest package, without its scope, else by the config alone', (test) => {
    const project = testProject(test, {
      'package.json': '{"name":"@team/visits","type":"module"}',
      'inner/package.json': '{"type":"module"}',
    })
    assert.equal(readProjectName(project.folder), 'visits')
    assert.equal(readProjectName(project.path('inner')), 'visits')
    assert.equal(readProjectName('/no-such-folder/reports'), '')
    assert.throws(() => makeDefaultStackName('', 'prod'), /The project has no name/)
  })

  it('is a new one where none is there', async (test) => {
    assert.deepEqual(await found(test, projectOf('visits', ['visits']), {}), ['sluice-visits-prod', false])
  })

  it('goes on under the name that it had before names told projects apart', async (test) => {
    const project = projectOf('visits', ['visits', 'reports', 'new'])
    assert.deepEqual(await found(test, project, { 'sluice-prod': earlier('visits', 'reports') }), [
      'sluice-prod',
      true,
    ])
    // Most of its pipelines are known: one was removed since.
    assert.deepEqual(await found(test, project, { 'sluice-prod': earlier('visits', 'old') }), [
      'sluice-prod',
      true,
    ])
  })

  it('is not that of another project with the old name', async (test) => {
    const stacks = { 'sluice-prod': earlier('other', 'others', 'visits') }
    assert.deepEqual(await found(test, projectOf('visits', ['visits']), stacks), [
      'sluice-visits-prod',
      false,
    ])
    const theirs = { 'sluice-prod': { outputs: { ApiUrl: 'https://x', Project: 'other' } } }
    assert.deepEqual(await found(test, projectOf('visits', ['visits']), theirs), [
      'sluice-visits-prod',
      false,
    ])
  })

  it('is refused where it is another project’s', async (test) => {
    const named = projectOf('visits', ['visits'], 'shared')
    const others = { shared: { outputs: { ApiUrl: 'https://x', Project: 'other' } } }
    await assert.rejects(
      found(test, named, others),
      /The stack shared is that of the project other, not of visits/,
    )
    const unnamed = { shared: { ...earlier(), resources: [machine('shared', 'other')] } }
    await assert.rejects(
      found(test, named, unnamed),
      /shared is not of this project: it has none of its pipelines/,
    )
    await assert.rejects(found(test, named, { shared: { outputs: {} } }), /not of this project/)
    const own = { shared: { outputs: { ApiUrl: 'https://x', Project: 'visits' } } }
    assert.deepEqual(await found(test, named, own), ['shared', true])
  })
})

const CONFIG = `
import { defineConfig, pipeline, task, text } from 'sluice'
const Root = task('Root', { output: () => text('x') }, async ({ output }) => output.write('x'))
export default defineConfig({ name: 'visits', pipelines: [pipeline('root', Root)], environments: { prod: { region: 'eu-west-2' } } })
`

describe('what holds data', () => {
  const secret = (Name: string) => ({ Type: 'AWS::SecretsManager::Secret', Properties: { Name } })
  const deployed = {
    Key: secret('sluice-visits-prod/mag/api-key'),
    Table: { Type: 'AWS::DynamoDB::Table', DeletionPolicy: 'Retain' },
    Bucket: { Type: 'AWS::S3::Bucket' },
    Kept: secret('sluice-visits-prod/kept'),
    Function: { Type: 'AWS::Lambda::Function' },
  }

  it('is named where it would be removed, but not what stays or what can be made again', () => {
    assert.deepEqual(findLostData(deployed, { Kept: secret('sluice-visits-prod/kept') }), [
      'secret sluice-visits-prod/mag/api-key',
      'bucket Bucket',
    ])
  })

  it('is not removed by deploying without a terminal, whatever --yes says', {
    timeout: 300_000,
  }, async (test) => {
    const project = testProject(test, { 'sluice.config.ts': CONFIG })
    const outputs = { ApiUrl: 'https://api.example', Project: 'visits' }
    const { url, actions } = await fakeAws(test, {
      'sluice-visits-prod': { outputs, template: { Resources: deployed } },
    })
    const env = { ...signedIn, AWS_ENDPOINT_URL: url }
    const { code, stderr } = await project.start(['deploy', '--env', 'prod', '--yes'], { env }).ended
    assert.equal(code, 2, stderr)
    assert.match(
      stderr,
      /This removes from sluice-visits-prod, with what is in it: secret sluice-visits-prod\/mag\/api-key/,
    )
    assert.match(stderr, /Nothing was changed\.\nnext: .*--remove-data \(--yes does not\)/)
    assert.equal(actions.includes('CreateChangeSet'), false)
  })
})

describe('the role of ECS', () => {
  it('is made where an account has never had containers, and what is in the way is told', async (test) => {
    const lines: string[] = []
    const iam = async (create: string) => {
      const { url, actions } = await fakeAws(test, {}, (action) =>
        action === 'GetRole' ? errorText('NoSuchEntity', 'The role cannot be found.') : create,
      )
      const client = new IAMClient({
        region: 'eu-west-2',
        endpoint: url,
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      })
      await makeEcsRole(client, (line) => lines.push(line))
      return actions
    }
    assert.deepEqual(await iam('<CreateServiceLinkedRoleResponse/>'), ['GetRole', 'CreateServiceLinkedRole'])
    assert.match(lines[0] ?? '', /^Made the role AWSServiceRoleForECS/)
    await iam(errorText('AccessDenied', 'no'))
    assert.match(lines[1] ?? '', /cannot be made: no\. .*aws iam create-service-linked-role/)
  })
})

describe('open runs of a deployment that is about to go', () => {
  const nightly = pipeline('nightly', Root, { schedule: daily() })

  function deployment() {
    const memory = memoryDeployment([nightly])
    const { home, project, executions } = memory
    const control = makeLocalControl({
      state: { open: async () => home, existing: async () => home, withRuns: async () => home },
      project,
      findActor: () => undefined,
      isHosted: true,
      openRun: (_, asked, { pipeline, ...order }) =>
        joinOrStartExecution(home, executions, 'arn:sluice-', {
          asked,
          order,
          ...(pipeline && { pipeline }),
        }),
      secrets: { names: () => [], set() {}, remove: () => false },
      close: home.close,
    })
    const start = async () => (await control.start({ name: 'nightly' })) as { run: string }
    const said: string[] = []
    const parts = { control, say: (line: string) => void said.push(line), lookMs: 1 }
    return { ...memory, start, parts, said }
  }

  it('are named and refused where nothing was said about them', async () => {
    const { start, parts, said } = deployment()
    const { run } = await start()
    await assert.rejects(settleOpenRuns(parts, {}), new RegExp(`Runs are open: ${run}. Nothing was changed`))
    assert.deepEqual(said, [])
  })

  it('are cancelled, with schedules stopped before, which go on where the deployment stays', async () => {
    const { home, project, executions, start, parts, said, runOf } = deployment()
    await makeScheduleHandler(home, project, executions, 'arn:sluice-')({})
    const { run } = await start()
    const resume = await settleOpenRuns(parts, { cancel: true })
    assert.equal((await runOf(run))?.status, 'cancelled')
    assert.deepEqual(said, ['Stopped the schedules of nightly.', 'Waiting for 1 open runs to end.'])
    await resume()
    assert.equal(said.at(-1), 'The schedules of nightly go on.')
  })

  it('are waited for no longer than was said', async () => {
    const { home, project, executions, start, parts, said } = deployment()
    await makeScheduleHandler(home, project, executions, 'arn:sluice-')({})
    await start()
    await assert.rejects(settleOpenRuns(parts, { wait: 0 }), /Runs are open/)
    assert.equal(said.at(-1), 'The schedules of nightly go on.')
  })

  it('are none: nothing is asked', async () => {
    const { parts } = deployment()
    await settleOpenRuns(parts, {})
  })
})
