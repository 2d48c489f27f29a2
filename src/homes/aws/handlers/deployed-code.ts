import type { Home } from '../../../control/home.ts'
import { keys } from '../../../core/keys.ts'
import type { Delivery } from '../../../core/ports/deciding.ts'

/**
 * Notes the code of this process as the one that is deployed. Only the feed's function does so, and before it handles
 * anything: of one function there is never an older version after a newer one, and nothing is queued but by it.
 */
export async function noteDeployedCode({ context }: Home): Promise<void> {
  const { store } = context.ports
  const { code } = context.settings
  if (code !== undefined && (await deployedCode(context)) !== code)
    await store.write([{ key: keys.deployedCode, put: { kind: 'code', code } }])
}

async function deployedCode({ ports }: Home['context']): Promise<string | undefined> {
  const [row] = await ports.store.read([keys.deployedCode])
  return row?.code
}

/**
 * A queue for a worker that lives through deployments: if other code is deployed than its own, it takes nothing more,
 * puts back what it has just taken, and `onOutdated` is called.
 */
export function makeCurrentCodeQueue(
  context: () => Home['context'],
  onOutdated: () => void,
): (queue: Home['context']['ports']['queue']) => Home['context']['ports']['queue'] {
  return (queue) => ({
    ...queue,
    async take(query) {
      const taken = await queue.take(query)
      if (taken.length === 0 || !(await isOutdated(context()))) return taken
      await Promise.all(taken.map((delivery: Delivery) => queue.putBack(delivery, 0)))
      onOutdated()
      return []
    },
  })
}

async function isOutdated(context: Home['context']): Promise<boolean> {
  const code = await deployedCode(context)
  return code !== undefined && code !== context.settings.code
}
