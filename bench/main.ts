import { parseArgs } from 'node:util'
import Table from 'easy-table'
import { compareWith } from './against.ts'
import { removeWork } from './commands.ts'
import { appendHistory, describeMachine, type Measures } from './history.ts'
import { MEASURES, type Measure, type Row } from './measures.ts'
import { installPeers, type Peers } from './peers.ts'

/**
 * `npm run bench [-- --full] [--only TEXT] [--json FILE]`: measures Sluice and what people use today in one run, prints one
 * table, then a line for each target that was missed; exits 1 where there is one. `--json` adds a line to a history. With `--against FOLDER [--installed] [--rounds N]`
 * it compares this checkout, or its package, with another one instead.
 */
const { values } = parseArgs({
  options: {
    full: { type: 'boolean' },
    only: { type: 'string' },
    json: { type: 'string' },
    against: { type: 'string' },
    installed: { type: 'boolean' },
    rounds: { type: 'string', default: '6' },
  },
})
if (values.against !== undefined) {
  try {
    const { against, only, installed, rounds } = values
    await compareWith(against, { only, isInstalled: installed, rounds: Number(rounds) })
  } finally {
    removeWork()
  }
  process.exit(0)
}
const machine = describeMachine()
const wanted = MEASURES.filter(
  ({ name, isLong }) => (values.full || !isLong) && (values.only === undefined || name.includes(values.only)),
)
const rows: Row[] = []
try {
  const peers = installPeers()
  for (const measure of wanted) {
    console.error(`… ${measure.name}`)
    rows.push(...(await measured(measure, peers)))
  }
} finally {
  removeWork()
}

async function measured({ name, run }: Measure, peers: Peers | undefined): Promise<Row[]> {
  try {
    return await run(peers)
  } catch (error) {
    const told = (error as Error).message
    return [{ measure: name, sluice: told, peer: '', target: 'ends', isReached: false, values: {} }]
  }
}

const table = new Table()
for (const { measure, sluice, peer, target, isReached } of rows) {
  table.cell('measure', measure)
  table.cell('sluice', sluice)
  table.cell('peer', peer)
  table.cell('to reach', target)
  table.cell('', isReached === undefined ? '' : isReached ? 'reached' : 'falls short')
  table.newRow()
}
console.log(table.toString())
if (values.json !== undefined) appendHistory(values.json, machine, listMeasures(rows))
const missed = rows.filter(({ isReached }) => isReached === false)
for (const { measure, sluice, peer, target } of missed)
  console.log(`falls short: ${measure}: ${[sluice, peer].filter(Boolean).join('; ')} (to reach: ${target})`)
process.exitCode = missed.length === 0 ? 0 : 1

/** What was measured, a single value of each series. */
function listMeasures(all: Row[]): Measures {
  const told = all.filter(({ values }) => Object.keys(values).length > 0)
  return Object.fromEntries(
    told.map(({ measure, values }) => [
      measure,
      Object.fromEntries(Object.entries(values).map(([series, value]) => [series, [value]])),
    ]),
  )
}
