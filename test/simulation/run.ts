import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

/** `npm run simulate -- --seeds N --from S`: prints each seed that shows a violation; exits 1 where one does. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean' },
  },
})
let found = 0
let bodies = 0
const from = Number(values.from)
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  const outcome = await simulate(seed)
  bodies += outcome.bodies.length
  if (values.trace) console.log(outcome.trace.join('\n'))
  if (outcome.violations.length === 0) continue
  found++
  console.log(`seed ${seed}: ${outcome.violations[0]}`)
}
console.log(`${values.seeds} seeds, ${bodies} bodies, ${found} with violations`)
process.exitCode = found === 0 ? 0 : 1
