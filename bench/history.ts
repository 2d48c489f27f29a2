import { execFileSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'

/** Of each measure the values of each series, in the order in which they were measured. */
export interface Measures {
  [measure: string]: { [series: string]: number[] }
}

/** Where measures are kept that are repeated, a line of JSON for each run. */
export const HISTORY = join(import.meta.dirname, 'history.jsonl')

/** When, of what and where something is measured. Asked for before it begins: the load is that of other programs. */
export const describeMachine = () => ({
  date: new Date().toISOString(),
  commit: execFileSync('git', ['describe', '--always', '--dirty', '--exclude', '*'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  }).trim(),
  node: process.version,
  cpus: availableParallelism(),
  /** Averages over 1, 5 and 15 minutes. */
  load: loadavg().map((each) => Math.round(each * 10) / 10),
})

/** Adds a line to a history. */
export function appendHistory(
  file: string,
  machine: ReturnType<typeof describeMachine>,
  measures: Measures,
): void {
  appendFileSync(file, `${JSON.stringify({ ...machine, measures })}\n`)
}
