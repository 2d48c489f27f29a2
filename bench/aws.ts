import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'easy-table'
import { deployEnvironment, deployStack, withEmulatedAws } from '../test/aws/emulated-aws.ts'
import { appendHistory, describeMachine, HISTORY } from './history.ts'

/**
 * `npm run bench:aws [-- --chain N] [--wide N] [--rounds N] [--json FILE]`: brings up the emulated AWS, deploys one project as it is
 * shipped and without handing on, and measures in turns the time between two tasks of a chain and the tasks a second of a wide graph, beside
 * bare messages through a bare function. Prints a table, with the values of each from the least to the most, and adds a line to a history.
 */
const { values } = parseArgs({
  options: {
    chain: { type: 'string', default: '200' },
    wide: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string', default: HISTORY },
  },
})
const [chain = 0, wide = 0, rounds = 0] = [values.chain, values.wide, values.rounds].map(Number)
if (![chain, wide, rounds].every((each) => Number.isInteger(each) && each > 0))
  throw new Error('--chain, --wide and --rounds take a whole number above 0')
const folder = join(import.meta.dirname, 'aws')
const machine = describeMachine()
const measures = await withEmulatedAws(async () => {
  deployEnvironment('handed-on', folder, join(import.meta.dirname, '../test/aws/builds/deployed.ts'))
  deployEnvironment('feed-alone', folder, join(folder, 'feed-alone.ts'))
  deployStack('sluice-bench-bare', join(folder, 'bare-app.ts'), folder)
  // Clients of AWS are told of the emulator by the environment, before they are loaded.
  const { measureAws } = await import('./aws/measures.ts')
  return measureAws({ chain, wide, rounds })
})
const table = new Table()
for (const [measure, series] of Object.entries(measures))
  for (const [way, all] of Object.entries(series)) {
    const sorted = all.toSorted((a, b) => a - b)
    table.cell('measure', measure)
    table.cell('way', way)
    table.cell('values', sorted.join(', '))
    table.newRow()
  }
console.log(table.toString())
console.log(`load ${machine.load.join(', ')} before, ${loadavg()[0]?.toFixed(1)} now; kept in ${values.json}`)
appendHistory(values.json, machine, measures)
