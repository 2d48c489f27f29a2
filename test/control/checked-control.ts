import assert from 'node:assert/strict'
import type { z } from 'zod'
import type { Control } from '../../src/control/control.ts'
import { OPERATIONS } from '../../src/control/operations.ts'
import { RunEvent } from '../../src/control/schemas.ts'

/** The same control, but every answer has to be exactly what its schema says: no field is missing, none is more. */
export function checkedControl(control: Control): Control {
  const checked = Object.entries(OPERATIONS).map(([name, { output }]) => {
    const ask = control[name as keyof typeof OPERATIONS] as (given: unknown) => Promise<unknown>
    return [name, async (given: unknown) => requireExact(output, await ask(given), name)]
  })
  const follow: Control['follow'] = async function* (query) {
    for await (const event of control.follow(query)) yield requireExact(RunEvent, event, 'follow')
  }
  return { ...control, ...Object.fromEntries(checked), follow }
}

function requireExact<T>(schema: z.ZodType, answer: T, name: string): T {
  const plain = JSON.parse(JSON.stringify(answer))
  assert.deepEqual(schema.parse(plain), plain, `the answer of ${name}`)
  return answer
}
