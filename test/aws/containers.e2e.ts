import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { ListTasksCommand, StopTaskCommand } from '@aws-sdk/client-ecs'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { clients, resourceOf, targetOf, unique, until } from './deployed.ts'
import {
  deployPrograms,
  json,
  killContainers,
  listContainers,
  run,
  runScript,
  STACK,
  sluice,
  startScript,
  taskOf,
  whenOver,
} from './programs.ts'

const SECRET = 'a-key-that-nobody-sees'

async function textOf(path: string): Promise<string> {
  const Bucket = await resourceOf(STACK, 'SluiceRecordsBucket', 'AWS::S3::Bucket')
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket, Key: `targets/${path}` }))
  return (await Body?.transformToString()) ?? ''
}

before(async () => {
  await deployPrograms()
  const set = await sluice(['secrets', 'set', 'program/key'], { input: `${SECRET}\n` })
  assert.equal(set.code, 0, set.stderr)
})

describe('a program in an image that nobody has changed', { timeout: 240_000 }, () => {
  it('gets its inputs and secrets, and its outputs, lines and image are kept', async () => {
    const of = unique('count')
    const told = await run('count', '--of', of)
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    assert.equal(await targetOf(`counted/${of}.json`, STACK), 3)
    const task = await taskOf(told.run, 'Count(')
    assert.match(task.worker, /^keeper\//)
    assert.match(task.image, /^sha256:/)
    const { stdout } = await sluice(['logs', told.run, task.task])
    assert.match(stdout, /the key is \*+/)
    assert.match(stdout, new RegExp(`"of":"${of}"`))
    // Inputs are only to be read.
    assert.match(stdout, /can't create \/sluice\/in/)
    assert.ok(!stdout.includes(SECRET))
  })

  it('may be built by the deployment, with arguments and up to a stage', async () => {
    const of = unique('built')
    assert.equal((await run('built', '--of', of)).status, 'succeeded')
    assert.equal(await textOf(`built/${of}.txt`), 'built with care\n')
  })
})

describe('a program that ends badly', { timeout: 240_000 }, () => {
  it('is tried again by its policy, and nothing of the first attempt is published', async () => {
    const of = unique('again')
    const script = 'echo "$SLUICE_ATTEMPT" > "$SLUICE_OUTPUT"; [ "$SLUICE_ATTEMPT" = 2 ] || exit 3'
    const told = await runScript(of, script)
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    assert.deepEqual((await taskOf(told.run, 'Script')).counts, { failed: 1 })
    assert.equal(await textOf(`scripts/${of}.txt`), '2\n')
  })

  it('has failed without its output', async () => {
    const told = await runScript(unique('missing'), 'true')
    assert.equal(told.status, 'failed')
    assert.match(told.failed[0].message, /its output is missing: \/sluice\/out\/scripts\//)
  })

  it('has failed with code 127, and says what is not in the image', async () => {
    const shell = await runScript(unique('127'), 'no-such-command')
    assert.match(shell.failed[0].message, /sh exited with code 127/)
    const exec = await run('not-in-image', '--of', unique('exec'))
    assert.match(exec.failed[0].message, /no-such-program is not in the image/)
  })

  it('has failed at once without its image', async () => {
    const told = await run('no-image', '--of', unique('image'))
    assert.equal(told.status, 'failed')
    assert.deepEqual((await taskOf(told.run, 'NoImage')).attempt, 1)
  })
})

describe('a program that is ended from outside', { timeout: 240_000 }, () => {
  const SLOW = '[ "$SLUICE_ATTEMPT" != 1 ] || sleep 8; echo slow > "$SLUICE_OUTPUT"'

  for (const name of ['program', 'keeper'] as const)
    it(`by a kill of the ${name}'s container, is lost and runs again, without using up a retry`, async () => {
      const id = await startScript(unique(`killed-${name}`), SLOW)
      killContainers(name)
      const told = await whenOver(id)
      assert.equal(told.status, 'succeeded', JSON.stringify(told))
      assert.deepEqual(told.tasks[0].counts, { lost: 1 })
    })

  it('with its ECS task, is interrupted and runs again', async () => {
    const id = await startScript(unique('stopped'), SLOW)
    const cluster = await resourceOf(STACK, 'SluiceContainersCluster', 'AWS::ECS::Cluster')
    const { taskArns = [] } = await clients.ecs.send(new ListTasksCommand({ cluster }))
    for (const task of taskArns) await clients.ecs.send(new StopTaskCommand({ cluster, task }))
    const told = await whenOver(id)
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    assert.deepEqual(told.tasks[0].counts, { interrupted: 1 })
  })

  it('because its run is cancelled, is stopped', async () => {
    const id = await startScript(unique('cancelled'), 'sleep 100')
    assert.equal((await sluice(['cancel', id])).code, 0)
    assert.equal((await whenOver(id)).status, 'cancelled')
    await until(30, 'the end of its containers', async () =>
      listContainers('program').length === 0 ? true : undefined,
    )
  })
})

describe('many programs', { timeout: 240_000 }, () => {
  it('run as many at once as their pool says', { timeout: 300_000 }, async () => {
    const of = unique('many')
    const told = await run('many', '--of', of, '--size', '12')
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    const { tasks } = await json('status', told.run)
    const programs = tasks.filter(({ task }: { task: string }) => task.startsWith('Script'))
    assert.equal(programs.length, 12)
    for (const { startedAt } of programs) {
      const atOnce = programs.filter(
        (each: { startedAt: number; endedAt: number }) =>
          each.startedAt <= startedAt && each.endedAt > startedAt,
      )
      assert.ok(atOnce.length <= 2, JSON.stringify(atOnce))
    }
  })
})
