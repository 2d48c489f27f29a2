import { appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ports } from '../../../src/core/ports/deciding.ts'

// Instead of src/homes/aws/faults.ts in the test build: nothing dies, but every request is counted.

/** Functions of the emulator run on this machine: each notes what it asks of AWS. */
const REQUESTS = join(tmpdir(), 'sluice-test-requests')
/** Keys of one BatchGetItem, messages of one SendMessageBatch. */
const READ = 100
const SENT = 10

/** Ports that note their requests, a line each. */
export function addTestFaults<P extends Pick<Ports, 'store' | 'plans' | 'queue'>>({
  store,
  plans,
  queue,
  ...rest
}: P): P {
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
