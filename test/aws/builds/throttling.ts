import { appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeHttpHandler } from '@smithy/node-http-handler'

/** Functions of the emulator run on this machine: the test counts what was throttled. */
const THROTTLED = join(tmpdir(), 'sluice-test-throttled')
const SHARE = 0.1

/** Every tenth request is throttled. */
export class ThrottlingHandler extends NodeHttpHandler {
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
