import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { ECSClient } from '@aws-sdk/client-ecs'
import { OwnTask } from '../../src/adapters/ecs/own-task.ts'

interface World {
  task: object
  /** What ECS says of the task. */
  described: object
  asked: string[]
}

/** A metadata endpoint, and ECS, as this test has them answer. */
async function own(test: TestContext, world: World): Promise<OwnTask> {
  const server = createServer((request, response) => {
    const action = String(request.headers['x-amz-target'] ?? '').split('.')[1]
    if (action !== undefined) world.asked.push(action)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(action === undefined ? world.task : { tasks: [world.described] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new ECSClient({ endpoint, region: 'us-east-1', credentials })
  test.after(() => client.destroy())
  return OwnTask.find(client, endpoint)
}

const task = (program: object, more: object = {}) => ({
  Cluster: 'cluster',
  TaskARN: 'arn:aws:ecs:us-east-1:1:task/cluster/id',
  DesiredStatus: 'RUNNING',
  Containers: [
    { Name: 'keeper', KnownStatus: 'RUNNING' },
    { Name: 'program', KnownStatus: 'STOPPED', ...program },
  ],
  ...more,
})

describe('the end of a container beside this one', () => {
  it('has its exit code and the digest of its image, without asking ECS', async (test) => {
    const world = { task: task({ ExitCode: 3, ImageID: 'sha256:1' }), described: {}, asked: [] }
    const end = await (await own(test, world)).waitForEnd('program')
    assert.deepEqual(end, {
      code: 3,
      isOutOfMemory: false,
      error: '',
      digest: 'sha256:1',
      isTaskStopping: false,
    })
    assert.deepEqual(world.asked, [])
  })

  it('is that of a stop if the whole task was to stop', async (test) => {
    const world = { task: task({ ExitCode: 143 }, { DesiredStatus: 'STOPPED' }), described: {}, asked: [] }
    assert.equal((await (await own(test, world)).waitForEnd('program')).isTaskStopping, true)
  })

  it('after SIGKILL is one for memory only if ECS says so', async (test) => {
    const described = {
      containers: [
        {
          name: 'program',
          lastStatus: 'STOPPED',
          exitCode: 137,
          reason: 'OutOfMemoryError: Container killed due to memory usage',
        },
      ],
    }
    const world: World = { task: task({ ExitCode: 137 }), described, asked: [] }
    assert.equal((await (await own(test, world)).waitForEnd('program')).isOutOfMemory, true)
    world.described = { containers: [{ name: 'program', lastStatus: 'STOPPED', exitCode: 137 }] }
    assert.equal((await (await own(test, world)).waitForEnd('program')).isOutOfMemory, false)
    assert.deepEqual(world.asked, ['DescribeTasks', 'DescribeTasks'])
  })

  it('without an exit code has the reason for which it did not start', async (test) => {
    const reason = 'CannotStartContainerError: exec: "nothing": executable file not found in $PATH'
    const world = {
      task: task({}),
      described: { containers: [{ name: 'program', lastStatus: 'STOPPED', reason }] },
      asked: [],
    }
    const { code, error } = await (await own(test, world)).waitForEnd('program')
    assert.deepEqual([code, error], [undefined, reason])
  })
})
