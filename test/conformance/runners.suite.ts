import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { StopRequest } from '../../src/core/stop-request.ts'
import { nameContainer } from '../../src/runners/container/container-labels.ts'
import { isRunning, until } from '../support/processes.ts'
import { type Kind, laboratory, SECRET } from './runners/laboratory.ts'
import type { Step } from './runners/steps.ts'

/** What a kind of runner is able to do beyond what all are. */
export interface RunnerAbilities {
  /** It can end what does not listen: exit codes, signals, kills and leases are facts. */
  isolates: boolean
  /** It runs bodies, which have results, progress, checkpoints, and any number of outputs. */
  runsBodies: boolean
  /** Its processes are seen by their numbers from outside; those of a container have numbers of their own. */
  sharesProcesses: boolean
}

/** What every runner of attempts promises. */
export function runnersSuite(kind: Kind, abilities: RunnerAbilities): void {
  endsSuite(kind, abilities)
  stopsSuite(kind, abilities)
  outputSuite(kind, abilities)
  publishingSuite(kind, abilities)
  if (abilities.runsBodies) bodiesSuite(kind)
  else exitCodesSuite(kind)
  if (abilities.isolates) isolationSuite(kind, abilities)
}

/** A test that waits for what does not come fails by itself. */
const LIMIT = { timeout: 120_000 }

/** An output of each kind, and the steps that write it. */
function writing({ runsBodies }: RunnerAbilities, ...more: Step[]) {
  const a: Step = { write: 'a', text: 'A' }
  const b: Step = { write: 'b', text: 'B' }
  return runsBodies
    ? { family: 'RunnersWrites', outputs: ['a.txt', 'b.txt'], steps: [a, b, ...more] }
    : { outputs: ['a.txt'], steps: [a, ...more] }
}

/** What a person or a next task sees there; what a killed process wrote beside its target is hidden, and removed later. */
const namesIn = (folder: string) =>
  (existsSync(folder) ? readdirSync(folder) : []).filter((name) => !name.startsWith('.')).sort()

function endsSuite(kind: Kind, { runsBodies }: RunnerAbilities): void {
  describe(`${kind}: the end of an attempt`, LIMIT, () => {
    it('is a success without a failure or a tail', async (test) => {
      const { start } = laboratory(test, kind)
      const ending = await start({ steps: [{ print: 'words\n' }] }).ending
      assert.equal(ending.outcome, 'succeeded')
      assert.equal(ending.failure, undefined)
      assert.equal(ending.tail, undefined)
      assert.deepEqual(ending.result, runsBodies ? { steps: 1 } : null)
    })

    it('is a failure with its cause and the last lines', async (test) => {
      const { start } = laboratory(test, kind)
      const steps: Step[] = [{ print: 'last words\n' }, { fail: 'no such luck' }]
      const { outcome, failure, tail } = await start({ steps }).ending
      assert.equal(outcome, 'failed')
      assert.equal(failure?.outcome, 'failed')
      assert.match(failure?.message ?? '', runsBodies ? /^no such luck$/ : /exited with code 1$/)
      assert.match(tail ?? '', /last words/)
    })

    it('does not touch other attempts that run at the same time', async (test) => {
      const { start } = laboratory(test, kind)
      const first = start({ steps: [{ wait: 'ready' }, { fail: 'first' }], run: 'r-1' })
      const second = start({ steps: [{ print: 'only mine\n' }], run: 'r-2' })
      assert.equal((await second.ending).outcome, 'succeeded')
      await first.printed('ready')
      first.stop('interrupted')
      assert.equal((await first.ending).outcome, 'interrupted')
      assert.deepEqual(
        second.lines().map(({ text }) => text),
        ['only mine'],
      )
    })
  })
}

function stopsSuite(kind: Kind, abilities: RunnerAbilities): void {
  describe(`${kind}: an attempt that is asked to stop`, LIMIT, () => {
    const fails: Step[] = [{ wait: 'ready' }, { fail: 'stopped' }]

    it('has timed out at its timeout', async (test) => {
      const { start } = laboratory(test, kind)
      const { outcome, failure } = await start({ steps: fails, timeoutMs: 1_500 }).ending
      assert.equal(outcome, 'timed_out')
      assert.deepEqual(failure, { outcome, message: 'it took longer than its timeout of 1.5 s' })
    })

    for (const reason of ['cancelled', 'interrupted', 'lost'] as const)
      it(`ends for the reason that it was given: ${reason}`, async (test) => {
        const { start } = laboratory(test, kind)
        const attempt = start({ steps: fails })
        await attempt.printed('ready')
        attempt.stop(reason)
        const { outcome, failure } = await attempt.ending
        assert.equal(outcome, reason)
        assert.deepEqual(failure, { outcome, message: `the attempt was stopped (${reason})` })
      })

    it('keeps the first of two reasons', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({
        steps: [{ wait: 'ready' }, { print: 'asked\n' }, { sleepMs: 100 }, { fail: 'x' }],
        timeoutMs: 5_000,
      })
      await attempt.printed('asked')
      attempt.stop('cancelled')
      assert.equal((await attempt.ending).outcome, 'timed_out')
    })

    it('never starts where it was asked before', async (test) => {
      const { start } = laboratory(test, kind)
      const stop = new StopRequest()
      stop.make('interrupted')
      const attempt = start({ steps: [{ print: 'ran\n' }], hooks: { stop } })
      const { outcome, failure } = await attempt.ending
      assert.equal(outcome, 'interrupted')
      assert.equal(failure?.message, 'the attempt was stopped (interrupted)')
      assert.ok(attempt.lines().every(({ text }) => text !== 'ran'))
    })

    for (const reason of ['cancelled', 'lost'] as const)
      it(`publishes nothing although it ends well: ${reason}`, async (test) => {
        const { start, path } = laboratory(test, kind)
        const attempt = start(writing(abilities, { wait: 'ready' }))
        await attempt.printed('ready')
        attempt.stop(reason)
        assert.equal((await attempt.ending).outcome, reason)
        assert.deepEqual(namesIn(path('.')), [])
        assert.equal(attempt.consents(), 0)
      })

    it('ends for the reason that it was given while it starts', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: fails })
      // A lost lease has no grace, so what runs the body may be dead before the body could begin.
      setImmediate(() => attempt.stop('lost'))
      assert.equal((await attempt.ending).outcome, 'lost')
    })

    it('publishes nothing although it ends well after its timeout', async (test) => {
      const { start, path } = laboratory(test, kind)
      const attempt = start({ ...writing(abilities, { wait: 'ready' }), timeoutMs: 1_500 })
      assert.equal((await attempt.ending).outcome, 'timed_out')
      assert.deepEqual(namesIn(path('.')), [])
    })

    it('has succeeded where its host stops and it ends well within the grace', async (test) => {
      const { start, path } = laboratory(test, kind)
      const attempt = start(writing(abilities, { wait: 'ready' }))
      await attempt.printed('ready')
      attempt.stop('interrupted')
      assert.equal((await attempt.ending).outcome, 'succeeded')
      assert.equal(readFileSync(path('a.txt'), 'utf8'), 'A')
    })
  })
}

function outputSuite(kind: Kind, { isolates }: RunnerAbilities): void {
  describe(`${kind}: what an attempt prints`, LIMIT, () => {
    it('is without secrets in its lines, its tail and its failure', async (test) => {
      const { start } = laboratory(test, kind)
      const steps: Step[] = [
        { print: `out ${SECRET}\n` },
        { print: `err ${SECRET}\n`, to: 'stderr' },
        { fail: `with ${SECRET}` },
      ]
      const attempt = start({ steps })
      const ending = await attempt.ending
      assert.match(ending.tail ?? '', /out \*\*\*/)
      assert.match(ending.tail ?? '', /err \*\*\*/)
      assert.doesNotMatch(JSON.stringify([ending, attempt.lines()]), new RegExp(SECRET))
    })

    it('is cut in a line that is too long, which says how much is missing', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: [{ printLong: 3_000_000 }] })
      assert.equal((await attempt.ending).outcome, 'succeeded')
      const text = attempt.lines()[0]?.text ?? ''
      const shown = text.indexOf('…')
      assert.ok(shown <= 64 * 1024)
      assert.equal(text.slice(shown), `… (${3_000_000 - shown} more characters)`)
    })

    it('may be 100 MB, which do not pile up in memory', async (test) => {
      const { start } = laboratory(test, kind)
      let peak = 0
      const before = process.memoryUsage.rss()
      const look = setInterval(() => {
        peak = Math.max(peak, process.memoryUsage.rss() - before)
      }, 20)
      const attempt = start({ steps: [{ floodMb: 100 }] })
      assert.equal((await attempt.ending).outcome, 'succeeded')
      clearInterval(look)
      assert.ok(peak < 250_000_000, `it took ${peak} bytes more`)
      const bytes = attempt.lines().reduce((sum, { text }) => sum + text.length + 1, 0)
      // A console is given each block as one text, which is cut as a line is.
      assert.ok(isolates ? bytes >= 100_000_000 : bytes > 50_000_000, `${bytes} bytes are in the log`)
    })

    if (isolates) rawOutputTests(kind)

    it('that cannot be kept ends the attempt, and is no failure of it', async (test) => {
      const { start, path } = laboratory(test, kind)
      // The folder of the log cannot be made where a file is.
      mkdirSync(path('../logs'), { recursive: true })
      closeSync(openSync(path('../logs/r-1'), 'w'))
      const attempt = start({ steps: [{ print: 'a\n' }, ...(isolates ? [{ ignore: 'for ever' }] : [])] })
      await assert.rejects(attempt.ending, /ENOTDIR|EEXIST/)
    })
  })
}

function rawOutputTests(kind: Kind): void {
  it('is masked also where it comes in two pieces', async (test) => {
    const { start } = laboratory(test, kind)
    const pieces = [SECRET.slice(0, 7), SECRET.slice(7)]
    const steps: Step[] = [{ print: `a ${pieces[0]}` }, { sleepMs: 150 }, { print: `${pieces[1]} b\n` }]
    const attempt = start({ steps })
    await attempt.ending
    assert.deepEqual(
      attempt.lines().map(({ text }) => text),
      ['a *** b'],
    )
  })

  it('is kept to its last byte, with or without a line end', async (test) => {
    const { start } = laboratory(test, kind)
    const attempt = start({ steps: [{ print: 'first\nlast words', to: 'stderr' }] })
    await attempt.ending
    assert.deepEqual(
      attempt.lines().map(({ level, text }) => [level, text]),
      [
        ['error', 'first'],
        ['error', 'last words'],
      ],
    )
  })

  it('may be bytes that are no UTF-8, and characters that come in two pieces', async (test) => {
    const { start } = laboratory(test, kind)
    const bytes = (...values: number[]): Step => ({ base64: Buffer.from(values).toString('base64') })
    const steps: Step[] = [
      bytes(0xff, 0xfe, 0x00, 0x0a),
      bytes(0xe2, 0x82),
      { sleepMs: 150 },
      bytes(0xac, 0x0a),
      { print: 'whole\n' },
    ]
    const attempt = start({ steps })
    assert.equal((await attempt.ending).outcome, 'succeeded')
    assert.deepEqual(
      attempt.lines().map(({ text }) => text),
      ['\ufffd\ufffd\u0000', '€', 'whole'],
    )
  })
}

function publishingSuite(kind: Kind, abilities: RunnerAbilities): void {
  describe(`${kind}: outputs`, LIMIT, () => {
    it('are all there after it ended well, and it has asked once', async (test) => {
      const { start, path } = laboratory(test, kind)
      const attempt = start(writing(abilities))
      assert.equal((await attempt.ending).outcome, 'succeeded')
      assert.deepEqual(namesIn(path('.')), abilities.runsBodies ? ['a.txt', 'b.txt'] : ['a.txt'])
      assert.equal(attempt.consents(), 1)
    })

    for (const [answer, message, mayPublish] of [
      ['refused', /no longer allowed to publish/, async () => false],
      [
        'not answered',
        /lease could not be confirmed: no table/,
        async () => {
          throw new Error('no table')
        },
      ],
    ] as const)
      it(`are not there where publishing is ${answer}, and the attempt is lost`, async (test) => {
        const { start, path } = laboratory(test, kind)
        const { outcome, failure } = await start({ ...writing(abilities), hooks: { mayPublish } }).ending
        assert.equal(outcome, 'lost')
        assert.match(failure?.message ?? '', message)
        assert.deepEqual(namesIn(path('.')), [])
      })

    it('are asked for where there is none: a success counts only within the lease', async (test) => {
      const { start } = laboratory(test, kind)
      assert.equal((await start({ hooks: { mayPublish: async () => false } }).ending).outcome, 'lost')
    })

    it('are not there where one is missing', async (test) => {
      const { start, path } = laboratory(test, kind)
      const steps: Step[] = abilities.runsBodies ? [{ write: 'a', text: 'A' }] : []
      const { outcome, failure } = await start({ ...writing(abilities), steps }).ending
      assert.equal(outcome, 'failed')
      assert.match(failure?.message ?? '', /its output is missing/)
      assert.deepEqual(namesIn(path('.')), [])
    })

    it('are not there where one cannot be moved into place', async (test) => {
      const { start, path } = laboratory(test, kind)
      const taken = abilities.runsBodies ? 'b.txt' : 'a.txt'
      mkdirSync(path(`${taken}/full`), { recursive: true })
      const { outcome, failure } = await start(writing(abilities)).ending
      assert.equal(outcome, 'failed')
      assert.match(failure?.message ?? '', /directory/)
      assert.deepEqual(namesIn(path('.')), [taken])
    })
  })
}

function bodiesSuite(kind: Kind): void {
  describe(`${kind}: a body`, LIMIT, () => {
    it('tells its progress without secrets, keeps a checkpoint and yields', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ family: 'RunnersYields' })
      const { outcome, yielded, checkpoint } = await attempt.ending
      assert.equal(outcome, 'yielded')
      assert.deepEqual(yielded?.roots, ['RunnersSteps'])
      assert.deepEqual(checkpoint, { at: 7 })
      assert.deepEqual(attempt.progress, [{ done: 1, total: 2, text: 'with ***' }])
    })
  })
}

function exitCodesSuite(kind: Kind): void {
  describe(`${kind}: exit codes`, LIMIT, () => {
    it('ask to be tried again later, or yield', async (test) => {
      const { start } = laboratory(test, kind)
      assert.equal((await start({ steps: [{ exit: 75 }] }).ending).outcome, 'throttled')
      const yields: Step[] = [{ yields: 'a line' }, { exit: 78 }]
      assert.deepEqual((await start({ steps: yields }).ending).yielded?.roots, ['a line'])
      const { outcome, isFinal } = await start({ steps: [{ exit: 78 }] }).ending
      assert.deepEqual([outcome, isFinal], ['failed', true])
    })

    it('say nothing where the command was asked to stop', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: [{ wait: 'ready' }, { exit: 75 }] })
      await attempt.printed('ready')
      attempt.stop('cancelled')
      assert.equal((await attempt.ending).outcome, 'cancelled')
    })
  })
}

function isolationSuite(kind: Kind, { sharesProcesses }: RunnerAbilities): void {
  describe(`${kind}: an attempt in a process of its own`, LIMIT, () => {
    it('ends with the exit code of the process', async (test) => {
      const { start } = laboratory(test, kind)
      const { outcome, failure } = await start({ steps: [{ exit: 3 }] }).ending
      assert.equal(outcome, 'failed')
      assert.match(failure?.message ?? '', /exited with code 3/)
    })

    if (sharesProcesses) killedFromOutsideTests(kind)
    else killedContainerTests(kind)

    it('is killed with all that it has started where it does not heed its timeout', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: [{ leave: true }, { ignore: 'ready' }], timeoutMs: 5_000 })
      const left = Number((await attempt.printed('left')).split(' ')[1])
      assert.equal((await attempt.ending).outcome, 'timed_out')
      if (sharesProcesses) await until(() => !isRunning(left))
      else assert.equal(callEngine('ps', '--all', '--quiet', '--filter', `name=${attempt.nonce}`), '')
    })

    it('is killed after the grace where it does not heed that its run was cancelled', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: [{ ignore: 'ready' }] })
      await attempt.printed('ready')
      attempt.stop('cancelled')
      assert.equal((await attempt.ending).outcome, 'cancelled')
    })

    it('has no grace where its lease is lost', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: [{ wait: 'ready' }, { print: 'went on\n' }] })
      await attempt.printed('ready')
      attempt.stop('lost')
      await attempt.ending
      assert.ok(attempt.lines().every(({ text }) => text !== 'went on'))
    })

    it('has no grace left where its lease is lost after it was asked to stop', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: [{ wait: 'ready' }, { sleepMs: 100 }, { print: 'went on\n' }] })
      await attempt.printed('ready')
      attempt.stop('cancelled')
      attempt.stop('lost')
      assert.equal((await attempt.ending).outcome, 'cancelled')
      assert.ok(attempt.lines().every(({ text }) => text !== 'went on'))
    })

    it('is dead when its lease ends, and lives while it is extended', async (test) => {
      const { runner, start } = laboratory(test, kind)
      const extended = start({ steps: [{ print: 'first\n' }, { sleepMs: 2_000 }], run: 'r-1' })
      const attempt = start({ steps: [{ ignore: 'second' }], run: 'r-2' })
      // A lease that ends before the body has begun would be another end.
      await Promise.all([extended.printed('first'), attempt.printed('second')])
      for (const { nonce } of [extended, attempt]) runner.extendLease(nonce, 500)
      runner.extendLease(extended.nonce, 60_000)
      assert.equal((await attempt.ending).outcome, 'lost')
      assert.equal((await extended.ending).outcome, 'succeeded')
    })

    it('runs out of memory at its limit', async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps: [{ fillMemory: true }], memoryMb: 100 })
      const { outcome, failure } = await attempt.ending
      assert.equal(outcome, 'out_of_memory')
      assert.match(failure?.message ?? '', /100 MB \(memoryMb\)/)
    })

    it('is not started while there is no file descriptor left, and later is', async (test) => {
      const { start } = laboratory(test, kind)
      const { outcome, failure } = await withoutDescriptors(() => start({}).ending)
      assert.equal(outcome, 'not_started')
      assert.match(failure?.message ?? '', /could be started|could not be started/)
      assert.equal((await start({}).ending).outcome, 'succeeded')
    })
  })
}

function killedFromOutsideTests(kind: Kind): void {
  for (const [signal, expected] of [
    ['SIGKILL', 'lost'],
    ['SIGTERM', 'interrupted'],
    ['SIGHUP', 'interrupted'],
    ['SIGSEGV', 'failed'],
  ] as const)
    it(`is ${expected} where the process is killed from outside by ${signal}`, async (test) => {
      const { start } = laboratory(test, kind)
      const steps: Step[] = [{ ignore: 'ready' }]
      const attempt = start({ steps: [{ leave: true }, ...steps] })
      const child = Number((await attempt.printed('left')).split(' ')[1])
      await attempt.printed('ready')
      process.kill(parentOf(child), signal === 'SIGTERM' && kind === 'command' ? 'SIGINT' : signal)
      assert.equal((await attempt.ending).outcome, expected)
    })
}

/** The first process of a container takes only SIGKILL, and what it has a handler for (pid_namespaces(7)). */
function killedContainerTests(kind: Kind): void {
  for (const [signal, steps, expected] of [
    ['SIGKILL', [{ ignore: 'ready' }], 'lost'],
    ['SIGTERM', [{ wait: 'ready' }, { exit: 143 }], 'interrupted'],
  ] satisfies [string, Step[], string][])
    it(`is ${expected} where the container is killed from outside by ${signal}`, async (test) => {
      const { start } = laboratory(test, kind)
      const attempt = start({ steps })
      await attempt.printed('ready')
      callEngine('kill', '--signal', signal, nameContainer(attempt.nonce))
      assert.equal((await attempt.ending).outcome, expected)
    })

  it('tells when its program was started', async (test) => {
    const { start } = laboratory(test, kind)
    const calledAt = Date.now()
    const attempt = start({ steps: [{ print: 'ready\n' }, { sleepMs: 500 }] })
    await attempt.printed('ready')
    const seenAt = Date.now()
    const { times, outcome } = await attempt.ending
    assert.equal(outcome, 'succeeded')
    const { startingAt = 0, runningAt = 0 } = times ?? {}
    // Clocks of file systems go in steps of some milliseconds.
    assert.ok(
      calledAt <= startingAt && startingAt - 10 <= runningAt && runningAt <= seenAt,
      `${startingAt}, ${runningAt}`,
    )
  })

  it('goes on to its own end if only the call that started it is killed', async (test) => {
    const { start, path } = laboratory(test, kind)
    const steps: Step[] = [{ print: 'ready\n' }, { sleepMs: 3_000 }, { write: 'a', text: 'A' }]
    const attempt = start({ outputs: ['a.txt'], steps })
    await attempt.printed('ready')
    process.kill(findStartingCall(attempt.nonce), 'SIGKILL')
    assert.equal((await attempt.ending).outcome, 'succeeded')
    assert.equal(readFileSync(path('a.txt'), 'utf8'), 'A')
  })
}

/** The process of the call that has started the container of an attempt. */
function findStartingCall(nonce: string): number {
  const isCall = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--name\0${nameContainer(nonce)}\0`)
    } catch {
      return false
    }
  }
  return Number(readdirSync('/proc').find((name) => /^\d+$/.test(name) && isCall(name)))
}

/** Calls Docker or Podman, whichever the tests of containers use. */
const callEngine = (...args: string[]) =>
  spawnSync(process.env.TEST_ENGINE ?? 'podman', args, { encoding: 'utf8' }).stdout.trim()

const parentOf = (pid: number) =>
  Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

/** Takes all file descriptors of this process meanwhile; its limit is lowered for that, as prlimit(1) does. */
async function withoutDescriptors<T>(run: () => Promise<T>): Promise<T> {
  const limit = (value: string) => spawnSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${value}`])
  const before = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  limit('256:')
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    // None is left.
  }
  try {
    return await run()
  } finally {
    for (const each of taken) closeSync(each)
    limit(`${before}:`)
  }
}
