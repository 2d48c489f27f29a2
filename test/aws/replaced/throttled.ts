import { appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeHttpHandler } from '@smithy/node-http-handler'

// Instead of src/homes/aws/patience.ts in the test build that dies: every tenth request of every client is throttled.

/** Functions of the emulator run on this machine: the test counts what was throttled. */
const THROTTLED = join(tmpdir(), 'sluice-test-throttled')
const SHARE = 0.1

class Throttled extends NodeHttpHandler {
  override async handle(...given: Parameters<NodeHttpHandler['handle']>) {
    if (Math.random() >= SHARE) return super.handle(...given)
    appendFileSync(THROTTLED, `${given[0].hostname} ${given[0].headers['x-amz-target'] ?? given[0].path}\n`)
    throw Object.assign(new Error('Rate exceeded'), {
      name: 'ThrottlingException',
      $retryable: { throttling: true },
      $metadata: {},
    })
  }
}

export const PATIENT = {
  maxAttempts: 8,
  retryMode: 'standard',
  requestHandler: new Throttled(),
} as const
