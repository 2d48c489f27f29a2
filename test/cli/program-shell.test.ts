import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openProgramShell } from '../../src/cli/remote/program-shell.ts'
import { isBodyOnFargate } from '../../src/cli/remote/shell.ts'
import { container } from '../../src/define/container.ts'
import { task } from '../../src/define/task.ts'
import { testProject } from '../support/cli.ts'
import { startEcs } from '../support/ecs-server.ts'
import { temporaryFolder } from '../support/folders.ts'

const OPENED = {
  run: 'r-1',
  task: 'Train(n=1)',
  shell: 'abc',
  image: 'sha256:1',
  argv: ['python', 'train.py', 'it is \u001b]0;mine'],
  limitMs: 3_600_000,
}
const DEPLOYMENT = {
  stack: 'sluice-prod',
  environment: { name: 'prod', region: 'eu-west-2', stack: 'sluice-prod' },
  outputs: { Cluster: 'cluster' },
}
const SESSION = {
  sessionId: 'ecs-execute-command-1',
  streamUrl: 'wss://ssmmessages.eu-west-2.amazonaws.com/v1/data-channel/1',
  tokenValue: 'a-token-that-nobody-sees',
}
const container_ = (more: object) => ({
  name: 'program',
  runtimeId: 'run-1',
  imageDigest: 'sha256:1',
  ...more,
})
const RUNNING = {
  lastStatus: 'RUNNING',
  containers: [
    { name: 'keeper', runtimeId: 'run-0' },
    container_({ managedAgents: [{ name: 'ExecuteCommandAgent', lastStatus: 'RUNNING' }] }),
  ],
}

/** A stand-in for the plugin of AWS that notes what it is given, and ends so. */
function makePlugin(test: TestContext, { version = '1.2.553.0', script = 'exit 0' } = {}) {
  const folder = temporaryFolder(test)
  const path = join(folder, 'session-manager-plugin')
  writeFileSync(
    path,
    `#!/bin/sh
if [ "$1" = --version ]; then echo ${version}; exit 0; fi
for each in "$@"; do echo "$each"; done > ${folder}/arguments
echo "$AWS_SSM_START_SESSION_RESPONSE" > ${folder}/session
${script}
`,
  )
  chmodSync(path, 0o755)
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').trim().split('\n')
  return { folder, PATH: `${folder}:${process.env.PATH}`, read }
}

/** Opens a shell on an ECS that describes its task so, one answer after the other. */
async function open(test: TestContext, described: object[], plugin: Parameters<typeof makePlugin>[1] = {}) {
  const standIn = makePlugin(test, plugin)
  const before = process.env.PATH
  process.env.PATH = standIn.PATH
  test.after(() => {
    process.env.PATH = before
  })
  const looks = [...described]
  const { client, asked } = await startEcs(test, (action) =>
    action === 'ExecuteCommand'
      ? { session: SESSION }
      : { tasks: [looks.length > 1 ? looks.shift() : looks[0]] },
  )
  const said: string[] = []
  const acts: unknown[] = []
  const control = {
    async openShell(request: { token: string }) {
      acts.push(['open', { ...request, token: typeof request.token }])
      return OPENED
    },
    async endShell(request: object) {
      acts.push(['end', request])
      return { shell: 'abc' }
    },
  }
  const shell = () =>
    openProgramShell(
      { client, deployment: DEPLOYMENT, control, say: (lines) => said.push(...lines) },
      { run: 'latest', task: 'Train' },
    )
  return { shell, asked, acts, said, standIn }
}

const ENDED = [
  ['open', { run: 'latest', task: 'Train', token: 'string' }],
  ['end', { shell: 'abc' }],
]

describe('a shell of a program on AWS', () => {
  it('waits until the container lets people in, opens a session in the name of the user, and is ended', async (test) => {
    const starting = { lastStatus: 'PENDING', containers: [container_({ runtimeId: undefined })] }
    const { shell, asked, acts, said, standIn } = await open(test, [starting, RUNNING])
    assert.deepEqual(await shell(), {
      data: { run: 'r-1', task: 'Train(n=1)', shell: 'abc' },
      text: 'The shell has ended, and its container is being stopped.',
      exitCode: 0,
    })
    const look = ['DescribeTasks', { cluster: 'cluster', tasks: ['abc'] }]
    const [, command] = asked.find(([action]) => action === 'ExecuteCommand') ?? []
    assert.deepEqual(asked, [
      look,
      look,
      [
        'ExecuteCommand',
        {
          cluster: 'cluster',
          task: 'abc',
          container: 'program',
          interactive: true,
          command: command?.command,
        },
      ],
    ])
    assert.match(String(command?.command), /^sh -c '.*exec bash.*exec sh.*'$/)
    assert.deepEqual(acts, ENDED)
    assert.deepEqual(standIn.read('arguments'), [
      'AWS_SSM_START_SESSION_RESPONSE',
      'eu-west-2',
      'StartSession',
      process.env.AWS_PROFILE ?? '',
      '{"Target":"ecs:cluster_abc_run-1"}',
      'https://ssm.eu-west-2.amazonaws.com',
    ])
    assert.deepEqual(JSON.parse(standIn.read('session').join('')), SESSION)
    assert.match(
      said.join('\n'),
      /fresh container of Train\(n=1\)\. .*\nThe task runs.*: python train\.py 'it is \\u001b\]0;mine'/,
    )
    assert.doesNotMatch(said.join('\n'), /the task has run in/)
  })

  it('says that its image is another one than that in which the task has run', async (test) => {
    const [keeper] = RUNNING.containers
    const other = { ...RUNNING.containers[1], imageDigest: 'sha256:2' }
    const { shell, said } = await open(test, [{ ...RUNNING, containers: [keeper, other] }])
    await shell()
    assert.match(said.join('\n'), /Its image is sha256:2; the task has run in sha256:1/)
  })

  for (const [what, reason, message] of [
    [
      'without a shell',
      'CannotStartContainerError: exec: "sh": executable file not found in $PATH',
      /it has no sh/,
    ],
    [
      'that is gone',
      'CannotPullContainerError: manifest unknown',
      /for Train\(n=1\): its image cannot be pulled/,
    ],
    ['that does not start', 'ResourceInitializationError: no network', /did not start: .*no network/],
  ] as const)
    it(`in an image ${what} says so, and is ended`, async (test) => {
      const { shell, acts, asked } = await open(test, [
        {
          lastStatus: 'STOPPED',
          stoppedReason: 'Essential container exited',
          containers: [container_({ reason })],
        },
      ])
      await assert.rejects(shell, { message })
      assert.deepEqual(acts, ENDED)
      assert.ok(asked.every(([action]) => action === 'DescribeTasks'))
    })

  it('is ended by a signal while it starts, and Ctrl-C in the session is the session’s', async (test) => {
    const waiting = await open(test, [
      { lastStatus: 'PENDING' },
      { lastStatus: 'PENDING' },
      { lastStatus: 'STOPPED' },
    ])
    const stopped = waiting.shell()
    process.emit('SIGHUP')
    assert.deepEqual((await stopped).text, 'The shell was stopped.')
    assert.deepEqual(waiting.acts, ENDED)
    const session = await open(test, [RUNNING], { script: `kill -INT $PPID; exit 3` })
    assert.equal((await session.shell()).exitCode, 3)
    assert.deepEqual(session.acts, ENDED)
  })
})

describe('a shell in a deployment', () => {
  const nowhere = {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 's',
  }
  const files = {
    'sluice.config.ts':
      "import { defineConfig } from 'sluice'\nexport default defineConfig({ pipelines: [], name: 'x', environments: { prod: { region: 'eu-west-2' } } })\n",
  }
  const COMMAND = ['shell', 'latest', 'Train', '--env', 'prod']

  it('takes a terminal, before anything is asked', async (test) => {
    const { code, stderr } = await testProject(test, files).start(COMMAND, { env: nowhere }).ended
    assert.equal(code, 2)
    assert.match(stderr, /needs a terminal: its session takes no commands from a pipe\.\nnext: /)
  })

  for (const [what, version, message] of [
    [
      'takes the plugin of AWS',
      undefined,
      /needs session-manager-plugin of AWS: .*ENOENT.*\s+next: Install it: https:/,
    ],
    [
      'takes no old plugin, which would show the token',
      '1.2.463.0',
      /1\.2\.463\.0 is too old: it takes 1\.2\.497\.0/,
    ],
    ['goes on with a newer one', '1.3.1.0', /AWS cannot be reached/],
  ] as const)
    it(`${what}, before anything is started`, async (test) => {
      const PATH = version === undefined ? temporaryFolder(test) : makePlugin(test, { version }).PATH
      const project = testProject(test, files)
      const { stdout } = await project.onTerminal(COMMAND, { ...nowhere, PATH, AWS_MAX_ATTEMPTS: '1' })
      assert.match(stdout, message)
    })

  it('of a body is in a worker on Fargate; what else can be opened, the deployment says', () => {
    const { definition: program } = container('ShellProgram', { image: 'busybox' })
    const { definition: body } = task('ShellBody', {}, () => {})
    const tasks = new Map([
      ['ShellProgram', program],
      ['ShellBody', body],
    ])
    const project = { tasks, pools: { heavy: { runsOn: 'fargate' as const }, light: {} } }
    const isOn = (family: string, pool: string) => isBodyOnFargate(project, { family, pool })
    assert.deepEqual(
      [
        isOn('ShellBody', 'heavy'),
        isOn('ShellBody', 'light'),
        isOn('ShellProgram', 'heavy'),
        isOn('Other', 'heavy'),
      ],
      [true, false, false, false],
    )
  })
})
