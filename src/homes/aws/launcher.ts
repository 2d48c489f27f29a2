import type { LambdaClient } from '@aws-sdk/client-lambda'
import type { Queue } from '../../core/ports/deciding.ts'
import type { Crash } from '../../core/records/deployment.ts'
import type { BundledContainers } from '../../project/bundled.ts'
import type { Build } from './build.ts'
import type { Settings } from './environment.ts'
import type { LaunchEvent } from './handlers/launch-workers.ts'

/**
 * Has containers launched for pools that were sent messages since it was last asked: `queue` notes the pools, `wake`
 * invokes the launcher. What is missed here, the next tick finds.
 */
export function makeLauncher(
  { launcher }: Settings<'launcher'>,
  containers: BundledContainers,
  build: Pick<Build, 'client'>,
) {
  const sent = new Set<string>()
  let client: LambdaClient | undefined

  async function invoke(told: LaunchEvent): Promise<void> {
    const Payload = JSON.stringify(told)
    // Projects without containers never need it, and it takes 110 kB.
    const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda')
    client ??= new LambdaClient(build.client)
    await client.send(new InvokeCommand({ FunctionName: launcher, InvocationType: 'Event', Payload }))
  }

  return {
    queue: (queue: Queue): Queue => ({
      ...queue,
      async send(messages) {
        await queue.send(messages)
        for (const { pool } of messages) if (pool in containers) sent.add(pool)
      },
    }),
    async wake(): Promise<void> {
      const pools = [...sent]
      sent.clear()
      for (const pool of pools) await invoke({ pool })
    },
    /** The pool whose containers have this task definition's family. */
    wakeFamily: (family: string, crash?: Crash): Promise<void> =>
      invoke({ family, ...(crash === undefined ? {} : { crash }) }),
    /** Every pool, whether it was sent anything or not. */
    async wakeAll(): Promise<void> {
      for (const pool of Object.keys(containers)) sent.add(pool)
      await this.wake()
    },
  }
}
