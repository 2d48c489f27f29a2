import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { DescribeTasksCommand, ListTasksCommand } from '@aws-sdk/client-ecs'
import { SHELL } from '../../src/core/names.ts'
import { clients, engine, invoke, projectFolder, unique, until } from './deployed.ts'
import { deployPrograms, findCluster, json, listContainers, run, STACK, sluice } from './programs.ts'

const { ecs } = clients
const SECRET = 'a-key-that-nobody-sees'
const bin = join(import.meta.dirname, '../../bin/sluice.js')

before(async () => {
  await deployPrograms()
  const set = await sluice(['secrets', 'set', 'program/key'], { input: `${SECRET}\n` })
  assert.equal(set.code, 0, set.stderr)
})

/** What a person would type into the session. */
const TYPED = [
  'cat /sluice/in/words/*.txt',
  'cat $SLUICE_PARAMS; echo',
  'echo "key $KEY of $SLUICE_TASK"',
  'ls -A /sluice/out',
  'echo x >> /sluice/in/words/x || echo refused',
  'echo half > "$SLUICE_OUTPUT"',
].join('; ')

/** The plugin of AWS as far as it can be here: it enters the container of its session, types, and leaves. */
function makePlugin(test: TestContext, typed: string): { folder: string; read(name: string): string } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-plugin-'))
  test.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'session-manager-plugin')
  writeFileSync(
    path,
    `#!/bin/sh
[ "$1" = --version ] && { echo 1.2.553.0; exit 0; }
echo $PPID > ${folder}/command
runtime=$(echo "$5" | sed 's/.*_\\([0-9a-f]*\\)"}/\\1/')
echo "$AWS_SSM_START_SESSION_RESPONSE" | grep -q '"tokenValue":"..*"' || exit 9
${typed.startsWith('!') ? typed.slice(1) : `${engine} exec "$runtime" sh -c '${typed}' > ${folder}/printed 2>&1`}
`,
  )
  chmodSync(path, 0o755)
  return { folder, read: (name) => readFileSync(join(folder, name), 'utf8') }
}

/** The command on a terminal of its own. */
function onTerminal(args: string[], folder: string) {
  const quoted = [process.execPath, bin, ...args, '--config', 'programs.config.ts', '--env', 'programs']
  const child = spawn('/usr/bin/script', ['-qec', quoted.map((each) => `'${each}'`).join(' '), '/dev/null'], {
    cwd: projectFolder,
    env: {
      ...process.env,
      SHELL: '/bin/sh',
      NO_COLOR: '1',
      NODE_TEST_CONTEXT: undefined,
      PATH: `${folder}:${process.env.PATH}`,
    },
  })
  let shown = ''
  child.stdout.on('data', (chunk) => {
    shown += chunk
  })
  const ended = new Promise<{ code: number | null; shown: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, shown })),
  )
  return { child, ended, shown: () => shown }
}

/** Shells that have not stopped. */
async function listShells(): Promise<string[]> {
  const cluster = await findCluster()
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, startedBy: SHELL.startedBy }))
  if (taskArns.length === 0) return []
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))
  return tasks.flatMap(({ taskArn = '', lastStatus }) => (lastStatus === 'STOPPED' ? [] : [taskArn]))
}

const untilNoneIsLeft = () =>
  until(60, 'the end of the shell', async () =>
    (await listShells()).length === 0 && listContainers('program').length === 0 ? true : undefined,
  )

async function runBroken(): Promise<{ id: string; of: string }> {
  const of = unique('broken')
  const told = await run('broken', '--of', of)
  assert.equal(told.status, 'failed', JSON.stringify(told))
  return { id: told.run, of }
}

describe('a shell of a program on AWS', { timeout: 240_000 }, () => {
  it('has the inputs, parameters, environment and secrets of a task that failed, and leaves nothing', async (test) => {
    const { id, of } = await runBroken()
    const before = await json('status', id)
    const plugin = makePlugin(test, TYPED)
    const { code, shown } = await onTerminal(['shell', id, 'Broken'], plugin.folder).ended
    assert.equal(code, 0, shown)
    const printed = plugin.read('printed')
    assert.match(printed, /^one two three\n/)
    assert.match(printed, new RegExp(`\\{"of":"${of}"\\}`))
    assert.match(printed, new RegExp(`key ${SECRET} of Broken\\(of=${of}\\)`))
    assert.match(printed, /can't create \/sluice\/in\/words\/x: Read-only file system/)
    assert.match(shown, /A shell in a fresh container of Broken/)
    assert.match(shown, /The task runs.*: sh -c 'wc -w < \/sluice\/in\/words/)
    assert.match(shown, /The shell has ended, and its container is being stopped/)
    assert.doesNotMatch(shown, new RegExp(SECRET))
    await untilNoneIsLeft()
    // It was no attempt: the run is as it was, also after a tick that sweeps and the event of its end.
    await invoke('tick', { audit: true }, STACK)
    const after = await json('status', id)
    assert.deepEqual(after, before)
  })

  it('is ended by a signal while somebody works in it', async (test) => {
    const { id } = await runBroken()
    const plugin = makePlugin(test, '!echo entered; exec sleep 60')
    const { ended, shown } = onTerminal(['shell', id, 'Broken', '--json'], plugin.folder)
    await until(60, 'the session', async () => (shown().includes('entered') ? true : undefined))
    const [only, ...others] = await listShells()
    assert.ok(only && others.length === 0)
    // The sweep leaves it alone.
    await invoke('tick', { audit: true }, STACK)
    assert.deepEqual(await listShells(), [only])
    process.kill(Number(plugin.read('command')), 'SIGTERM')
    const { code } = await ended
    assert.equal(code, 130, shown())
    await untilNoneIsLeft()
  })

  it('cannot be opened in an image without one, which runs its program all the same', async (test) => {
    const { folder } = makePlugin(test, 'true')
    const told = await run('bare', '--of', unique('bare'))
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    const { code, shown } = await onTerminal(['shell', told.run, 'Bare'], folder).ended
    assert.equal(code, 2, shown)
    assert.match(
      shown,
      /No shell can be started in the image of Bare\(.*\): it has no sh, or no sleep\.\s+next: /,
    )
    await untilNoneIsLeft()
  })

  it('says what it cannot be opened for, and starts nothing', async (test) => {
    const { folder } = makePlugin(test, 'true')
    const { id } = await runBroken()
    for (const [task, said] of [
      ['Words', /Words\(.*\) is no task in a container/],
      ['Nothing', /Nothing/],
    ] as const) {
      const { code, shown } = await onTerminal(['shell', id, task], folder).ended
      assert.equal(code, 2, shown)
      assert.match(shown, said)
    }
    assert.deepEqual(await listShells(), [])
  })
})
