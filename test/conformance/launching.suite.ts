import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { JobState, Launcher, LaunchOrder, OpenJob } from '../../src/core/ports/launching.ts'
import type { SuiteOptions } from './adapters.ts'

/** A launcher and the jobs that it can be asked for. */
export interface LaunchingParts<D> {
  launcher: Launcher<D>
  /** An order under a token for a job that runs until it is stopped, exits well, or exits with code 3. */
  order(token: string, job: 'stays' | 'exits well' | 'exits 3'): LaunchOrder<D>
  /** An order that the service refuses for what it says. */
  invalid(token: string): LaunchOrder<D>
  /** Lets a little time pass in the service, so that its jobs go on. */
  pass(): Promise<void>
}

const MOST_PASSES = 300

/** What every launcher promises. Tokens are new in each test, because services remember them. */
export function launchingSuite<D>(
  name: string,
  make: (test: TestContext) => Promise<LaunchingParts<D>>,
  options: SuiteOptions = {},
): void {
  describe(`${name}: launching`, options, () => {
    it('launches a job under one token once', async (test) => {
      const { launcher, order } = await make(test)
      const wanted = order(makeToken(), 'stays')
      const handle = await launch(launcher, wanted)
      assert.equal(await launch(launcher, wanted), handle)
      assert.equal(await launcher.find(toQuery(wanted)), handle)
      assert.equal((await listAll(launcher)).filter((each) => each.handle === handle).length, 1)
    })

    it('launches jobs of two tokens apart', async (test) => {
      const { launcher, order } = await make(test)
      const handles = [
        await launch(launcher, order(makeToken(), 'stays')),
        await launch(launcher, order(makeToken(), 'stays')),
      ]
      assert.notEqual(handles[0], handles[1])
    })

    it('finds nothing under a token that nothing was launched with', async (test) => {
      const { launcher, order } = await make(test)
      assert.equal(await launcher.find(toQuery(order(makeToken(), 'stays'))), undefined)
    })

    it('tells of its open jobs which attempts they were launched for', async (test) => {
      const { launcher, order } = await make(test)
      const wanted = order(makeToken(), 'stays')
      const handle = await launch(launcher, wanted)
      const found = (await listAll(launcher)).find((each) => each.handle === handle)
      assert.deepEqual(found?.handover, wanted.handover)
    })

    it('sees a job run, and its good end', async (test) => {
      const parts = await make(test)
      const handle = await launch(parts.launcher, parts.order(makeToken(), 'exits well'))
      const state = await untilState(parts, handle, ({ is }) => is === 'ended')
      assert.equal(state.end?.cause, 'succeeded')
      assert.ok((state.times.endedAt ?? 0) >= (state.times.runningAt ?? 0))
    })

    it('tells that a program failed', async (test) => {
      const parts = await make(test)
      const handle = await launch(parts.launcher, parts.order(makeToken(), 'exits 3'))
      const { end } = await untilState(parts, handle, ({ is }) => is === 'ended')
      assert.equal(end?.cause, 'failed')
      assert.notEqual(end.exitCode, 0)
      assert.notEqual(end.message, '')
    })

    it('stops a job that runs, and calls that no success', async (test) => {
      const parts = await make(test)
      const handle = await launch(parts.launcher, parts.order(makeToken(), 'stays'))
      await untilState(parts, handle, ({ is }) => is === 'running')
      await parts.launcher.stop(handle, 'its run was cancelled')
      const { end } = await untilState(parts, handle, ({ is }) => is === 'ended')
      assert.ok(end !== undefined && end.cause !== 'succeeded')
      assert.ok(!(await listAll(parts.launcher)).some((each) => each.handle === handle))
    })

    it('stops what has ended, and what it does not know, without an error', async (test) => {
      const parts = await make(test)
      const wanted = parts.order(makeToken(), 'exits well')
      const handle = await launch(parts.launcher, wanted)
      await untilState(parts, handle, ({ is }) => is === 'ended')
      await parts.launcher.stop(handle, 'again')
      const { end } = await untilState(parts, handle, ({ is }) => is === 'ended')
      assert.equal(end?.cause, 'succeeded')
    })

    it('launches nothing again under the token of a job that has ended', async (test) => {
      const parts = await make(test)
      const wanted = parts.order(makeToken(), 'exits well')
      const handle = await launch(parts.launcher, wanted)
      await untilState(parts, handle, ({ is }) => is === 'ended')
      assert.equal(await launch(parts.launcher, wanted), handle)
    })

    it('looks at many in the order of the handles, and knows what it does not know', async (test) => {
      const parts = await make(test)
      const stays = await launch(parts.launcher, parts.order(makeToken(), 'stays'))
      const exits = await launch(parts.launcher, parts.order(makeToken(), 'exits well'))
      await untilState(parts, exits, ({ is }) => is === 'ended')
      const states = await parts.launcher.look([exits, stays])
      assert.equal(states[0]?.is, 'ended')
      assert.notEqual(states[1]?.is, 'ended')
      assert.deepEqual(await parts.launcher.look([]), [])
    })

    it('refuses an order that is wrong, with what the service says', async (test) => {
      const { launcher, invalid } = await make(test)
      const answer = await launcher.launch(invalid(makeToken()))
      assert.equal(answer.is, 'invalid')
      assert.ok('message' in answer && answer.message !== '')
    })
  })
}

const toQuery = ({ handover: { token }, target }: LaunchOrder<unknown>) => ({
  token,
  target,
  since: 0,
})

let tokens = 0
/** Tokens of a process that ran before are other ones. */
const makeToken = () => `s-${process.pid}-${Date.now().toString(36)}-${++tokens}`

async function launch<D>(launcher: Launcher<D>, order: LaunchOrder<D>): Promise<string> {
  const answer = await launcher.launch(order)
  assert.ok(answer.is === 'launched', JSON.stringify(answer))
  return answer.handle
}

async function listAll<D>(launcher: Launcher<D>): Promise<OpenJob[]> {
  const all: OpenJob[] = []
  let cursor: string | undefined
  do {
    const page = await launcher.list(cursor)
    all.push(...page.jobs)
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}

async function untilState<D>(
  { launcher, pass }: LaunchingParts<D>,
  handle: string,
  isWanted: (state: JobState) => boolean,
): Promise<JobState> {
  for (let passes = 0; passes < MOST_PASSES; passes++) {
    const [state] = await launcher.look([handle])
    if (state !== undefined && isWanted(state)) return state
    await pass()
  }
  return assert.fail(`${handle} did not come to the state that was waited for`)
}
