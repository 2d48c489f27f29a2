import type { Fault } from '../fault.ts'

const SIMULATION = { seeds: 400, of: 'handsOn' } as const
const HAND_ON = { test: 'test/engine/hand-on.test.ts' }
const HANDLERS = { test: 'test/handlers/handlers.test.ts' }

/** Going on with what an attempt has made ready. */
export const HANDING_ON: Fault[] = [
  {
    name: 'a task is handed on though another of its upstreams is open',
    file: 'src/engine/hand-on.ts',
    find: `return settled?.status === 'queued' ? settled : undefined`,
    replace: `return settled`,
    by: SIMULATION,
  },
  {
    name: 'a task is handed on whatever has become of it',
    file: 'src/engine/hand-on.ts',
    find: `if: { status: 'pending', version },`,
    replace: `if: {},`,
    by: HAND_ON,
  },
  {
    name: 'a task is handed on whatever holds it back',
    file: 'src/engine/hand-on.ts',
    find: `if (decideClaim(snapshot, clock.steady()).length > 0) {`,
    replace: `if (decideClaim(snapshot, clock.steady()).length > 100) {`,
    by: SIMULATION,
  },
  {
    name: 'a failure hands on as well',
    file: 'src/engine/work.ts',
    find: `if (!hasSucceeded) return`,
    replace: `if (hasSucceeded === undefined) return`,
    by: SIMULATION,
  },
  {
    name: 'a success hands on whose attempt was given to another worker',
    file: 'src/engine/work.ts',
    find: `hasSucceeded = isOurs && ending.outcome === 'succeeded'`,
    replace: `hasSucceeded = ending.outcome === 'succeeded'`,
    by: HAND_ON,
  },
  {
    name: 'a worker goes on after it was told to stop',
    file: 'src/engine/work.ts',
    find: `const goesOn = () => !this.#stopping && !this.#draining && clock`,
    replace: `const goesOn = () => clock`,
    by: HAND_ON,
  },
  {
    name: 'a worker goes on for ever',
    file: 'src/engine/work.ts',
    find: `!this.#draining && clock.steady() < until`,
    replace: `!this.#draining && until > 0`,
    by: HAND_ON,
  },
  {
    name: 'a record that an old view lacks counts as forgotten',
    file: 'src/engine/context.ts',
    find: `missing.length === 0 ? [] : await store.read(missing)`,
    replace: `missing.length >= 0 ? [] : await store.read(missing)`,
    by: { seeds: 400 },
  },
  {
    name: 'a function goes on with what may take longer than the time that it has left',
    file: 'src/homes/aws/handlers/lambda-worker.ts',
    find: `(planned.policy.timeoutMs ?? 0) <= leftMs() && mayRun`,
    replace: `(planned.policy.timeoutMs ?? 0) >= 0 && mayRun`,
    by: HANDLERS,
  },
  {
    name: 'what had only the rest of a function counts as timed out',
    file: 'src/homes/aws/handlers/lambda-worker.ts',
    find: `return isCut && ending.outcome === 'timed_out' ?`,
    replace: `return isCut && ending.outcome === 'yielded' ?`,
    by: HANDLERS,
  },
]
