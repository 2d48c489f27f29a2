import { appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Build, WrappedPorts } from '../../../src/homes/aws/build.ts'
import { BUILD as TEST } from './test.ts'
import { ThrottlingHandler } from './throttling.ts'

/** Functions of the emulator run on this machine: the test counts their deaths. */
const DEATHS = join(tmpdir(), 'sluice-test-deaths')
/** How often an effect is the last one of its process: of 30, as planning takes, four in ten die. */
const DIES = 0.008

/** Every port dies before or after an effect now and then; every message is sent twice. */
function addFaults<P extends WrappedPorts>({ store, plans, queue, ...rest }: P): P {
  const maybeDie = (what: string) => {
    if (Math.random() >= DIES) return
    appendFileSync(DEATHS, `${what}\n`)
    process.exit(1)
  }
  const around = <A extends unknown[], R>(what: string, effect: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      maybeDie(`before ${what}`)
      const result = await effect(...args)
      maybeDie(`after ${what}`)
      return result
    }
  }
  return {
    ...rest,
    store: { ...store, write: around('write', store.write) },
    plans: { ...plans, save: around('save', plans.save), extend: around('extend', plans.extend) },
    queue: {
      ...queue,
      send: around('send', async (messages) => {
        await queue.send(messages)
        await queue.send(messages)
      }),
      acknowledge: around('acknowledge', queue.acknowledge),
    },
  } as P
}

/** A deployment whose functions die between any two effects, and whose clients are throttled. */
export const BUILD: Build = {
  ...TEST,
  client: { ...TEST.client, requestHandler: new ThrottlingHandler() },
  wrapPorts: addFaults,
}
