import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'easy-table'
import { readProject } from '../../infra/project.ts'
import { type DeployedFunction, listFunctions, MOST_BYTES, measureSizes, type Sizes } from './bundles.ts'
import { startEmptyAws, type Timing, timeFunction } from './timing.ts'

/**
 * `npm run measure:functions [-- --rounds N] [--json]`: bundles the functions of the sample project as `sluice deploy` does, and prints
 * their sizes and the CPU time of loading and of a first call, the least of some rounds. Exits 1 if one is too large.
 */
const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'sluice.config.ts' },
    environment: { type: 'string', default: 'prod' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})

type Measures = { name: string } & Sizes & Timing

const outdir = mkdtempSync(join(tmpdir(), 'sluice-functions-'))
const aws = await startEmptyAws()
try {
  const { config, environment } = values
  const project = await readProject({ config, environment, outdir })
  const measures: Measures[] = []
  for (const each of listFunctions(project)) measures.push(await measure(each))
  if (values.json) console.log(JSON.stringify(measures, undefined, 2))
  else print(measures)
  if (measures.some(({ own }) => own > MOST_BYTES)) process.exitCode = 1
} finally {
  aws.close()
  rmSync(outdir, { recursive: true })
}

async function measure(each: DeployedFunction): Promise<Measures> {
  const timings: Timing[] = []
  for (let round = 0; round < Number(values.rounds); round++) timings.push(await timeFunction(each, aws))
  const least = (of: keyof Timing) => timings.reduce((least, timing) => Math.min(least, timing[of]), Infinity)
  return { name: each.name, ...measureSizes(each), load: least('load'), call: least('call') }
}

function print(measures: Measures[]): void {
  const table = new Table()
  const kilobytes = (bytes: number) => `${Math.round(bytes / 1000)} kB`
  for (const { name, uploaded, own, loaded, load, call } of measures) {
    table.cell('function', name)
    table.cell('uploaded', kilobytes(uploaded))
    table.cell('its own', kilobytes(own))
    table.cell('loaded', kilobytes(loaded))
    table.cell('loading, ms of CPU', load.toFixed(0))
    table.cell('first call, ms of CPU', call.toFixed(0))
    table.newRow()
  }
  console.log(table.toString())
}
