import { appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Build, BUILD as DEPLOYED, type WrappedPorts } from '../../../src/homes/aws/build.ts'

/** Functions of the emulator run on this machine: each notes what it asks of AWS. */
const REQUESTS = join(tmpdir(), 'sluice-test-requests')
/** Keys of one BatchGetItem, messages of one SendMessageBatch. */
const READ = 100
const SENT = 10

/** Ports that note their requests, a line each. */
function countRequests<P extends WrappedPorts>({ store, plans, queue, ...rest }: P): P {
  const note = (kind: string, requests: number) => {
    if (requests > 0) appendFileSync(REQUESTS, `${kind} ${requests}\n`)
  }
  return {
    ...rest,
    plans,
    store: {
      ...store,
      read(keys) {
        note('read', Math.ceil(new Set(keys).size / READ))
        return store.read(keys)
      },
      write(changes) {
        note('write', 1)
        return store.write(changes)
      },
    },
    queue: {
      ...queue,
      send(messages) {
        note('send', Math.ceil(messages.length / SENT))
        return queue.send(messages)
      },
      putBack(delivery, delayMs) {
        note('send', 1)
        return queue.putBack(delivery, delayMs)
      },
    },
  } as P
}

/** What tests deploy: leases are short, so that what is killed is soon found, and requests are counted. Nothing else differs. */
export const BUILD: Build = {
  ...DEPLOYED,
  leaseMs: 12_000,
  heartbeatMs: 3_000,
  stopMs: 5_000,
  launching: { startMs: 60_000, lookMs: 5_000 },
  wrapPorts: countRequests,
}
