import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { makeFileStorage } from '../../src/adapters/files/file-storage.ts'
import type { LogLine } from '../../src/core/ports/looking.ts'
import type { Ending, Job } from '../../src/core/ports/working.ts'
import { StopRequest } from '../../src/core/stop-request.ts'
import type { KeptContainer, KeptEnd } from '../../src/runners/container/kept-container.ts'
import { makeKeeperRunner } from '../../src/runners/container/kept-program.ts'
import { temporaryFolder } from '../support/folders.ts'

/** The outputs and inputs of the program; folders with their marker. */
interface Shape {
  inputs?: { uri: string; at: string }[]
  outputs?: { at: string; marker?: { name: string; by: 'sluice' | 'program' } }[]
}

/** A keeper whose program is what a test does with the folders, and how it then ends. */
function keeper(test: TestContext, { inputs = [], outputs = [{ at: 'a/one.txt' }] }: Shape = {}) {
  const folder = temporaryFolder(test)
  const [root, storageFolder] = [join(folder, 'root'), join(folder, 'storage')]
  for (const name of ['in', 'out', 'attempt']) mkdirSync(join(root, 'sluice', name), { recursive: true })
  mkdirSync(storageFolder)
  const storage = makeFileStorage(storageFolder)
  const lines: LogLine[] = []
  const world = {
    end: { code: 0, isOutOfMemory: false, error: '', isTaskStopping: false } as KeptEnd,
    program: () => {},
    mayPublish: true,
    stopped: 0,
    print: (_: 'stdout' | 'stderr', __: string) => {},
    started: false,
  }
  const stop = Promise.withResolvers<void>()
  const container: KeptContainer = {
    async listen(onText) {
      world.print = onText
      return { close: async () => {} }
    },
    letStart() {
      world.started = true
    },
    async waitForEnd() {
      world.program()
      if (world.end.code === undefined && world.end.error === '') await stop.promise
      return world.end
    },
    async stop() {
      world.stopped++
      stop.resolve()
    },
  }
  const runner = makeKeeperRunner({
    logs: {
      open: () => ({
        write: (some: LogLine[]) => void lines.push(...some),
        tail: () => lines.map(({ text }) => text).join('\n'),
      }),
    } as never,
    graceMs: 60_000,
    stopMs: 1_000,
    storage,
    root,
    container,
    prepare: async () => ({
      secrets: { KEY: 'a-long-secret' },
      results: new Map([['marker:M-1', { rows: 7 }]]),
    }),
    readYield: () => Promise.reject(new Error('nothing is yielded')),
  })
  const job = {
    run: 'r-1',
    attempt: 1,
    nonce: 'nonce',
    leaseMs: 60_000,
    upstreams: [],
    dependencies: [],
    budgets: {},
    task: {
      number: 0,
      label: 'Kept()',
      params: { date: '2015-05-18' },
      outputs: outputs.map(({ at }) => storage.uri(at)),
      policy: { retry: { attempts: 1, delayMs: 0, backoff: 'fixed' }, fresh: 'run', secrets: {} },
      container: {
        image: { reference: 'busybox' },
        argv: ['sh'],
        env: {},
        inputs,
        outputs: outputs.map((each) => ({ ...each, uri: storage.uri(each.at) })),
      },
    },
  } as unknown as Job
  const asked = new StopRequest()
  const run = (): Promise<Ending> =>
    runner.run(job, {
      stop: asked,
      onProgress: () => {},
      mayPublish: async () => world.mayPublish,
      reserve: async () => undefined,
      block: async () => {},
    })
  const out = (path: string, content: string) => {
    mkdirSync(join(root, 'sluice/out', path, '..'), { recursive: true })
    writeFileSync(join(root, 'sluice/out', path), content)
  }
  const inside = (path: string) => readFileSync(join(root, 'sluice', path), 'utf8')
  const published = (path: string) =>
    existsSync(join(storageFolder, path)) ? readFileSync(join(storageFolder, path), 'utf8') : undefined
  return { world, run, out, inside, published, storage, storageFolder, root, lines, asked, runner }
}

describe('a program beside its keeper', () => {
  it('finds its inputs and files, and its output is published when it has ended well', async (test) => {
    const kept = keeper(test, {
      inputs: [
        { uri: 'file:up/x.txt', at: 'up/x.txt' },
        { uri: 'file:many', at: 'many' },
        { uri: 'marker:M-1', at: 'results/M-1.json' },
      ],
    })
    for (const [path, content] of [
      ['up/x.txt', 'x'],
      ['many/1', 'one'],
      ['many/deep/2', 'two'],
    ] as const) {
      const staged = await kept.storage.stage(path, 'earlier', Buffer.from(content))
      await staged.publish('create')
    }
    kept.world.program = () => {
      const read = [
        'in/up/x.txt',
        'in/many/1',
        'in/many/deep/2',
        'in/results/M-1.json',
        'attempt/params.json',
      ].map(kept.inside)
      kept.out('a/one.txt', read.join(' '))
    }
    assert.deepEqual(await kept.run(), { outcome: 'succeeded', result: null })
    assert.equal(kept.published('a/one.txt'), 'x one two {"rows":7} {"date":"2015-05-18"}')
  })

  it('does not start without an input that the plan has seen', async (test) => {
    const kept = keeper(test, { inputs: [{ uri: 'file:gone', at: 'gone' }] })
    const ending = await kept.run()
    assert.match(ending.failure?.message ?? '', /an input has gone since the plan was made: file:gone/)
    assert.equal(kept.world.started, false)
  })

  it('fails for good if its inputs fill the disk, and says what to do', {
    skip: !existsSync('/dev/full') && 'only Linux has a file that is always full',
  }, async (test) => {
    const kept = keeper(test, { inputs: [{ uri: 'file:up/x.txt', at: 'up/x.txt' }] })
    const staged = await kept.storage.stage('up/x.txt', 'earlier', Buffer.from('x'))
    await staged.publish('create')
    mkdirSync(join(kept.root, 'sluice/in/up'))
    symlinkSync('/dev/full', join(kept.root, 'sluice/in/up/x.txt'))
    const ending = (await kept.run()) as Ending & { isFinal?: true }
    assert.deepEqual([ending.outcome, ending.isFinal], ['failed', true])
    assert.match(ending.failure?.message ?? '', /its inputs do not fit .*\n.*input\.X\.uri/)
    assert.equal(kept.world.started, false)
  })

  it('prints lines, of which no secret reaches the log', async (test) => {
    const kept = keeper(test)
    kept.world.program = () => {
      kept.world.print('stdout', 'the key is a-long-sec')
      kept.world.print('stdout', 'ret\n')
      kept.out('a/one.txt', '')
    }
    await kept.run()
    assert.deepEqual(
      kept.lines.map(({ text }) => text),
      ['the key is ***'],
    )
  })

  for (const [what, code, prepare, expected] of [
    ['that fails', 3, 'whole', /sh exited with code 3/],
    ['whose output is missing', 0, 'nothing', /its output is missing: \/sluice\/out\/a\/one.txt/],
    ['whose output is a link', 0, 'link', /is no plain file/],
  ] as const)
    it(`${what} publishes nothing`, async (test) => {
      const kept = keeper(test)
      kept.world.end.code = code
      kept.world.program = () => {
        if (prepare === 'whole') kept.out('a/one.txt', 'x')
        if (prepare === 'link') symlinkSync('/etc/passwd', join(kept.root, 'sluice/out/a/one.txt'))
      }
      const ending = await kept.run()
      assert.equal(ending.outcome, 'failed')
      assert.match(ending.failure?.message ?? '', expected)
      assert.equal(kept.published('a/one.txt'), undefined)
    })

  it('that is no longer ours publishes nothing', async (test) => {
    const kept = keeper(test, { outputs: [{ at: 'a/one.txt' }, { at: 'two.txt' }] })
    kept.world.mayPublish = false
    kept.world.program = () => {
      kept.out('a/one.txt', '1')
      kept.out('two.txt', '2')
    }
    assert.equal((await kept.run()).outcome, 'lost')
    assert.deepEqual([kept.published('a/one.txt'), kept.published('two.txt')], [undefined, undefined])
  })

  it('writes folders, of which the marker is published last, by whomever it is written', async (test) => {
    const kept = keeper(test, {
      outputs: [
        { at: 'ours', marker: { name: '_complete.json', by: 'sluice' } },
        { at: 'spark', marker: { name: '_SUCCESS', by: 'program' } },
      ],
    })
    kept.world.program = () => {
      kept.out('ours/part/1', '1')
      kept.out('spark/part-0', '0')
      kept.out('spark/_SUCCESS', '')
    }
    assert.equal((await kept.run()).outcome, 'succeeded')
    assert.equal(kept.published('ours/_complete.json'), '["part/1"]')
    assert.deepEqual([kept.published('spark/part-0'), kept.published('spark/_SUCCESS')], ['0', ''])
  })

  it('that was stopped with its whole ECS task is interrupted, whatever its exit code', async (test) => {
    const kept = keeper(test)
    kept.world.end = { code: 1, isOutOfMemory: false, error: '', isTaskStopping: true }
    assert.equal((await kept.run()).outcome, 'interrupted')
  })

  it('is stopped with its ECS task when the attempt is cancelled', async (test) => {
    const kept = keeper(test)
    kept.world.end = { code: undefined, isOutOfMemory: false, error: '', isTaskStopping: false }
    const ending = kept.run()
    kept.asked.make('cancelled')
    assert.equal((await ending).outcome, 'cancelled')
  })

  it('that is not in its image has failed, and one that ECS could not start is tried again', async (test) => {
    const kept = keeper(test)
    kept.world.end = {
      code: undefined,
      isOutOfMemory: false,
      error: 'CannotStartContainerError: "sh": executable file not found in $PATH',
      isTaskStopping: false,
    }
    const ending = await kept.run()
    assert.equal(ending.outcome, 'failed')
    assert.match(ending.failure?.message ?? '', /sh is not in the image/)
    const foreign = keeper(test)
    const error =
      "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'"
    foreign.world.end = { ...kept.world.end, error }
    const { outcome, failure, isFinal } = (await foreign.run()) as {
      outcome: string
      failure?: { message: string }
      isFinal?: true
    }
    assert.deepEqual([outcome, isFinal], ['failed', true])
    assert.match(failure?.message ?? '', /another kind of processor than the deployment has/)
    const other = keeper(test)
    other.world.end = { ...kept.world.end, error: 'CannotStartContainerError: disk full' }
    assert.equal((await other.run()).outcome, 'not_started')
  })

  it('tells checkpoints and results in its file of events', async (test) => {
    const kept = keeper(test, { outputs: [] })
    kept.world.program = () =>
      writeFileSync(
        join(kept.root, 'sluice/attempt/events.jsonl'),
        '{"checkpoint":{"page":3}}\n{"result":{"rows":2}}\n',
      )
    const ending = await kept.run()
    assert.deepEqual([ending.result, ending.checkpoint], [{ rows: 2 }, { page: 3 }])
  })
})
