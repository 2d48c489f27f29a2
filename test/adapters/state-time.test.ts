import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { openDatabase } from '../../src/adapters/sqlite/database.ts'
import { type Machine, makeStateTime } from '../../src/adapters/sqlite/state-time.ts'
import { temporaryFolder } from '../support/folders.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const BEGIN = Date.UTC(2026, 4, 17)

/** A machine whose time is moved and whose wall clock is set. */
function testMachine() {
  let monotonic = 5_000
  let slept = 0
  let wall = BEGIN
  let boot: string | undefined = 'one'
  return {
    get boot() {
      return boot
    },
    monotonic: () => monotonic,
    slept: () => slept,
    wall: () => wall,
    pass(ms: number) {
      monotonic += ms
      wall += ms
    },
    sleep(ms: number) {
      slept += ms
      wall += ms
    },
    set(ms: number) {
      wall += ms
    },
    restart(after: number, name: string | undefined) {
      boot = name
      monotonic = 1_000
      slept = 0
      wall += after
    },
  }
}

function state(test: TestContext) {
  const machine = testMachine()
  const path = join(temporaryFolder(test), 'state.db')
  const process = (of: Machine = machine) => {
    const database = openDatabase(path)
    test.after(() => database.close())
    return makeStateTime(database, of)
  }
  return { machine, process }
}

/** Looks at the clock each second, as engines do. */
async function passing(machine: ReturnType<typeof testMachine>, ms: number, ...looks: (() => number)[]) {
  for (let past = 0; past < ms; past += SECOND_MS) {
    machine.pass(SECOND_MS)
    for (const look of looks) look()
    // What a look has to keep is written in the next turn.
    await turn()
    await turn()
  }
}

describe('the clocks of a state', () => {
  it('begin at the wall clock, and go on together', async (test) => {
    const { machine, process } = state(test)
    const one = process()
    assert.deepEqual([one.now(), one.steady()], [BEGIN, BEGIN])
    await passing(machine, HOUR_MS, one.now)
    assert.deepEqual([one.now(), one.steady()], [BEGIN + HOUR_MS, BEGIN + HOUR_MS])
  })

  for (const jumpMs of [24 * HOUR_MS, -2 * HOUR_MS])
    it(`go on while the wall clock is wrong by ${jumpMs / HOUR_MS} hours for 20 seconds, in a new process too`, async (test) => {
      const { machine, process } = state(test)
      const one = process()
      machine.set(jumpMs)
      await passing(machine, 20 * SECOND_MS, one.now)
      const two = process()
      for (const { now, steady } of [one, two])
        assert.deepEqual([now(), steady()], [BEGIN + 20 * SECOND_MS, BEGIN + 20 * SECOND_MS])
      machine.set(-jumpMs)
      await passing(machine, HOUR_MS, one.now, two.now)
      const past = HOUR_MS + 20 * SECOND_MS
      for (const { now, steady } of [one, two])
        assert.deepEqual([now(), steady()], [BEGIN + past, BEGIN + past])
    })

  it('for people follow a wall clock that stays as it was set; the one of leases never jumps', async (test) => {
    const { machine, process } = state(test)
    const one = process()
    machine.set(-2 * HOUR_MS)
    await passing(machine, 4 * MINUTE_MS, one.now)
    assert.equal(one.now(), BEGIN + 4 * MINUTE_MS)
    // A command that lives shortly does not begin to wait anew.
    const two = process()
    two.now()
    await passing(machine, 2 * MINUTE_MS, one.now)
    const three = process()
    for (const { now, steady } of [one, two, three]) {
      assert.equal(steady(), BEGIN + 6 * MINUTE_MS)
      assert.equal(now(), BEGIN + 6 * MINUTE_MS - 2 * HOUR_MS)
    }
  })

  it('follow small corrections at once', async (test) => {
    const { machine, process } = state(test)
    const one = process()
    for (let times = 0; times < 10; times++) {
      machine.set(900)
      await passing(machine, MINUTE_MS, one.now)
    }
    assert.equal(one.now() - one.steady(), 9_000)
    assert.equal(process().now(), one.now())
  })

  it('for people know that the machine slept; the one of leases did not count it', async (test) => {
    const { machine, process } = state(test)
    const one = process()
    await passing(machine, MINUTE_MS, one.now)
    machine.sleep(8 * HOUR_MS)
    machine.pass(SECOND_MS)
    assert.equal(one.now(), BEGIN + 8 * HOUR_MS + MINUTE_MS + SECOND_MS)
    assert.equal(one.steady(), BEGIN + MINUTE_MS + SECOND_MS)
  })

  it('go on at the wall clock after a boot', async (test) => {
    const { machine, process } = state(test)
    const one = process()
    await passing(machine, MINUTE_MS, one.now)
    machine.restart(HOUR_MS, 'two')
    const two = process()
    assert.deepEqual([two.now(), two.steady()], [BEGIN + HOUR_MS + MINUTE_MS, BEGIN + HOUR_MS + MINUTE_MS])
  })
})
