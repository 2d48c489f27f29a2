import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { checkOutCommit } from '../../src/cli/remote/check-out.ts'
import { explainStackEvents } from '../../src/cli/remote/deploy-failure.ts'
import { findTaskContainer, makeFreshContainerInput } from '../../src/cli/remote/shell.ts'
import { testProject } from '../support/cli.ts'
import { temporaryFolder } from '../support/folders.ts'

const CONFIG = `
import { defineConfig, pipeline, task, text } from 'sluice'
const Root = task('Root', { output: () => text('x') }, async ({ output }) => output.write('x'))
export default defineConfig({
  name: 'visits',
  pipelines: [pipeline('root', Root)],
  environments: { dev: { storage: 'data' }, prod: { region: 'eu-west-2' } },
})
`
/** Nothing of AWS can be reached, and nothing is asked for it outside. */
const nowhere = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
  AWS_MAX_ATTEMPTS: '1',
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
}
const signedIn = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }

describe('a deployment', () => {
  const said = async (
    test: Parameters<typeof testProject>[0],
    args: string[],
    env: Record<string, string>,
  ) => {
    const project = testProject(test, { 'sluice.config.ts': CONFIG })
    const { code, stderr, stdout } = await project.start(args, { env: { ...nowhere, ...env } }).ended
    return { code, text: `${stdout}${stderr}` }
  }

  it('that the config does not have is told, with those that it has', async (test) => {
    const { code, text } = await said(test, ['runs', '--env', 'prd'], signedIn)
    assert.equal(code, 2)
    assert.match(text, /The config has no environment prd\.\nnext: There are: prod/)
  })

  it('is not the environment of this machine', async (test) => {
    const { code, text } = await said(test, ['deploy', '--env', 'dev'], signedIn)
    assert.equal(code, 2)
    assert.match(text, /dev is on one machine: it has no region/)
  })

  it('takes credentials: without them one message says how to get them', async (test) => {
    const { code, text } = await said(test, ['runs', '--env', 'prod'], {})
    assert.equal(code, 3)
    assert.match(text, /AWS does not accept the credentials: .*\nnext: Sign in \(aws sso login/)
  })

  it('is not made without credentials either', async (test) => {
    const { code, text } = await said(test, ['deploy', '--env', 'prod', '--yes'], {})
    assert.equal(code, 3)
    assert.match(text, /error: AWS does not accept the credentials: .*\nnext: Sign in \(aws sso login/)
  })

  it('that cannot be reached is a failure of the surroundings', async (test) => {
    const { code, text } = await said(test, ['status', 'latest', '--env', 'prod'], signedIn)
    assert.equal(code, 3)
    assert.match(text, /AWS cannot be reached: .*ECONNREFUSED/)
  })

  it('that failed is explained by the first resource that did, with what to do', () => {
    const since = new Date('2026-01-31T10:00:00Z')
    const failure = { verb: 'deploy', code: 1, stack: 'sluice-prod', region: 'xx-nowhere-1', since }
    const event = (minute: number, LogicalResourceId: string, ResourceStatusReason: string) => ({
      StackId: 'id',
      EventId: String(minute),
      StackName: 'sluice-prod',
      Timestamp: new Date(since.getTime() + minute * 60_000),
      LogicalResourceId,
      ResourceType: 'AWS::DynamoDB::Table',
      ResourceStatus: 'CREATE_FAILED' as const,
      ResourceStatusReason,
    })
    const explained = (reason: string) =>
      explainStackEvents(
        [
          event(3, 'Late', 'Resource creation cancelled'),
          event(2, 'Table', reason),
          event(-5, 'Old', 'then'),
        ],
        failure,
      )
    const exists = explained('sluice-records already exists in stack arn:other')
    assert.match(exists.message, /^Table \(AWS::DynamoDB::Table\) failed: sluice-records already exists/)
    assert.match(exists.hint ?? '', /give the environment another `stack`/)
    assert.match(
      explained('Unrecognized resource types: [AWS::X::Y]').hint ?? '',
      /xx-nowhere-1 does not have/,
    )
    assert.match(explained('You are not authorized to do this').hint ?? '', /security\.md/)
    assert.match(explained('Account limit exceeded').hint ?? '', /scale\.md/)
    assert.match(explained('broken').hint ?? '', /taken back/)
    assert.match(explainStackEvents([], failure).message, /its own lines say why/)
  })

  it('is not for commands of one machine', async (test) => {
    const { code, text } = await said(test, ['dev', '--env', 'prod'], signedIn)
    assert.equal(code, 2)
    assert.match(text, /unknown option '--env'/)
  })

  it('is checked before anything is built: all that is wrong with environments and pools', async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': CONFIG.replace(
        "{ region: 'eu-west-2' }",
        "{ region: 'europe', storage: 'data' }",
      ).replace('pipelines: [', "pools: { big: { runsOn: 'ec2', cpu: 3 } }, pipelines: ["),
    })
    const { code, stderr } = await project.sluice('pipelines')
    assert.equal(code, 2)
    for (const problem of [
      /pools\.big\.runsOn/,
      /pools\.big\.cpu/,
      /environments\.prod\.region: must be an AWS region/,
    ])
      assert.match(stderr, problem)
  })
})

describe('a git reference', () => {
  it('is deployed as it was, with the packages that are installed, and leaves nothing behind', (test) => {
    const folder = temporaryFolder(test)
    const git = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync('git', args, { cwd: folder, encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      return stdout
    }
    git('init', '-q')
    mkdirSync(join(folder, 'node_modules/one'), { recursive: true })
    writeFileSync(join(folder, '.gitignore'), 'node_modules')
    writeFileSync(join(folder, 'value'), 'old')
    git('add', '.')
    git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-qm', 'one')
    git('tag', 'v1')
    writeFileSync(join(folder, 'value'), 'new')
    const tree = checkOutCommit(folder, 'v1')
    assert.equal(readFileSync(join(tree.folder, 'value'), 'utf8'), 'old')
    assert.ok(existsSync(join(tree.folder, 'node_modules/one')))
    tree.remove()
    assert.ok(!existsSync(tree.folder) && existsSync(join(folder, 'node_modules/one')))
    assert.equal(git('worktree', 'list').trim().split('\n').length, 1)
    assert.throws(() => checkOutCommit(folder, 'v2'), /invalid reference: v2/)
  })
})

describe('shell', () => {
  const deployment = {
    stack: 'sluice-prod',
    environment: { name: 'prod', region: 'eu-west-2', stack: 'sluice-prod' },
    outputs: { Cluster: 'cluster', Subnets: 'subnet-1,subnet-2', SecurityGroup: 'sg-1', PublicIp: 'true' },
  }

  it('goes into the container of a task that runs, else into a fresh one that works on nothing', () => {
    assert.equal(findTaskContainer({ status: 'running', worker: 'fargate/abc' }), 'abc')
    assert.equal(findTaskContainer({ status: 'running', worker: 'lambda/2026/01/01/[$LATEST]1' }), undefined)
    assert.equal(findTaskContainer({ status: 'succeeded', worker: 'fargate/abc' }), undefined)
    assert.deepEqual(makeFreshContainerInput(deployment, 'heavy'), {
      cluster: 'cluster',
      taskDefinition: 'sluice-prod-heavy',
      launchType: 'FARGATE',
      enableExecuteCommand: true,
      startedBy: 'sluice-shell',
      overrides: { containerOverrides: [{ name: 'worker', command: ['wait'] }] },
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: ['subnet-1', 'subnet-2'],
          securityGroups: ['sg-1'],
          assignPublicIp: 'ENABLED',
        },
      },
    })
  })
})
