import type { Context } from 'hono'
import { SluiceError } from '../../core/errors.ts'
import type { LuigiScheduler } from '../../luigi/luigi-scheduler.ts'
import { readArguments } from '../../luigi/methods.ts'
import { TEST_METHODS, TestReset } from '../../luigi/methods-for-tests.ts'

/** The instant that a test wants this call to see, in seconds; undefined if it wants none. */
export function readTestTime({ req }: Context): number | undefined {
  const text = req.header('x-test-now')
  if (text === undefined) return undefined
  const now = Number(text)
  if (text.trim() !== '' && Number.isFinite(now)) return now
  throw new SluiceError(
    'invalid_usage',
    `X-Test-Now is ${JSON.stringify(text)}, which is no number of seconds.`,
  )
}

/** A call that only tests make: it sets the scheduler back, or looks where no method of the protocol does. */
export function performTestCall(
  scheduler: LuigiScheduler,
  name: string,
  sent: unknown,
  now: number,
): unknown {
  if (name === 'info')
    return { test_support: 1, implementation: 'sluice', optional: Object.keys(TEST_METHODS) }
  if (name === 'reset') {
    const { config, resources } = readArguments(name, TestReset, sent)
    scheduler.reset(config, resources)
    return {}
  }
  const method = Object.hasOwn(TEST_METHODS, name) ? TEST_METHODS[name] : undefined
  if (method === undefined)
    throw new SluiceError('unknown_name', `There is no call ${JSON.stringify(name)} for tests.`)
  return scheduler.call(method, readArguments(name, method.arguments, sent), now)
}
