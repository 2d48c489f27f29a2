import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'easy-table'
import { detect, type Finding } from './detect.ts'
import { type Detector, type Fault, nameOf } from './fault.ts'
import { FAULTS } from './faults.ts'
import { makeWorkspace, plantingProblem } from './workspace.ts'

/**
 * `npm run mutate`: plants each fault of the table alone into a copy of the project and looks whether anything sees it.
 * Prints what saw it and after how long; exits 1 where a fault was not seen or can no longer be planted.
 * `--turn N` takes the Nth dozen (`--turn today`: another one each day), `--only TEXT` those whose name or file has it
 * (may be given several times); `--own` looks with the detector alone that is named.
 */
const { values } = parseArgs({
  options: { turn: { type: 'string' }, only: { type: 'string', multiple: true }, own: { type: 'boolean' } },
})
const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const DOZEN = 12
const DAY_MS = 86_400_000
/** What is tried where the detector that is named sees nothing: by hand only, so that turns stay short. */
const OTHERS: Detector[] = [
  { test: 'test/engine/limits.test.ts' },
  { test: 'test/engine/locks.test.ts' },
  { test: 'test/engine/yield.test.ts' },
  { test: 'test/engine/schedules.test.ts' },
  { test: 'test/core/rules.test.ts' },
  { test: 'test/conformance/sqlite.test.ts' },
]

interface Outcome {
  fault: Fault
  findings: Finding[]
  problem?: string
}

const faults = chosen()
await checkDetectors()
const left = [...faults]
const outcomes: Outcome[] = []
await Promise.all(Array.from({ length: availableParallelism() }, work))
report()

function chosen(): Fault[] {
  const { turn, only } = values
  const wanted = FAULTS.filter(
    ({ name, file }) => only === undefined || only.some((text) => `${file} ${name}`.includes(text)),
  )
  if (turn === undefined) return wanted
  const provable = wanted.filter(({ notInTurns }) => notInTurns === undefined)
  const number = turn === 'today' ? Math.floor(Date.now() / DAY_MS) : Number(turn)
  return Array.from(
    { length: Math.min(DOZEN, provable.length) },
    (_, index) => provable[(number * DOZEN + index) % provable.length] as Fault,
  )
}

/**
 * A detector that sees something where no fault is planted proves nothing. The seeds are left out where the detectors
 * that are named look alone: they take longest, and nothing but a violation ends them early.
 */
async function checkDetectors(): Promise<void> {
  const names = new Map(faults.map(({ by }) => [JSON.stringify(by), by]))
  const { folder, remove } = makeWorkspace(PROJECT)
  try {
    for (const detector of names.values()) {
      if ('seeds' in detector && (values.turn !== undefined || values.own)) continue
      if ('test' in detector && !existsSync(join(folder, detector.test))) continue
      const { sign } = await detect(folder, detector)
      if (sign !== undefined) throw new Error(`${nameOf(detector)} sees without a fault: ${sign}`)
    }
  } finally {
    remove()
  }
}

async function work(): Promise<void> {
  const workspace = makeWorkspace(PROJECT)
  try {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      const problem = plantingProblem(PROJECT, fault)
      const findings =
        problem === undefined ? await workspace.planted(fault, () => look(workspace.folder, fault)) : []
      outcomes.push({ fault, findings, ...(problem === undefined ? {} : { problem }) })
      progress(outcomes.at(-1) as Outcome)
    }
  } finally {
    workspace.remove()
  }
}

/** Looks with one detector after the other until one sees the fault. */
async function look(folder: string, { by }: Fault): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const detector of values.turn === undefined && !values.own ? [by, ...OTHERS] : [by]) {
    const finding = await detect(folder, detector)
    findings.push(finding)
    if (finding.sign !== undefined) break
  }
  return findings
}

function seenBy({ findings }: Outcome): Finding | undefined {
  return findings.find(({ sign }) => sign !== undefined)
}

function progress(outcome: Outcome): void {
  const seen = seenBy(outcome)
  const what = outcome.problem ?? (seen === undefined ? 'NOT SEEN' : `${nameOf(seen.detector)}: ${seen.sign}`)
  console.log(`${outcomes.length}/${faults.length} ${outcome.fault.name}: ${what}`.slice(0, 200))
}

function report(): void {
  outcomes.sort((a, b) => faults.indexOf(a.fault) - faults.indexOf(b.fault))
  const table = new Table()
  for (const outcome of outcomes) {
    const seen = seenBy(outcome)
    table.cell('fault', outcome.fault.name)
    table.cell('where', outcome.fault.file)
    table.cell('seen by', seen === undefined ? (outcome.problem ?? 'NOTHING') : nameOf(seen.detector))
    table.cell('s', ((seen?.ms ?? 0) / 1000).toFixed(1))
    table.newRow()
  }
  console.log(`\n${table.toString()}`)
  const seen = outcomes.flatMap((outcome) => seenBy(outcome) ?? [])
  for (const [name, found] of Map.groupBy(seen, ({ detector }) => nameOf(detector))) {
    const ms = found.reduce((sum, each) => sum + each.ms, 0)
    console.log(`${name}: saw ${found.length}, after ${(ms / found.length / 1000).toFixed(1)} s on average`)
  }
  const unseen = outcomes.length - seen.length
  console.log(`${outcomes.length} faults planted: ${seen.length} seen, ${unseen} not seen`)
  process.exitCode = unseen === 0 && outcomes.length > 0 ? 0 : 1
}
