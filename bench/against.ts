import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Table from 'easy-table'
import { freshFolder, script, told } from './commands.ts'
import { installPackage } from './installed.ts'

/** One version of Sluice, and the folder that only its runs use. */
interface Version {
  /** Its checkout, or its installed package. */
  checkout: string
  folder: string
}

/** What one run took, of all its processes together. */
interface Usage {
  cpuSeconds: number
  seconds: number
  peakMb: number
}

/** One thing that both versions do, given the version and a new folder: the program and its arguments. */
type Call = (version: Version, folder: string) => string[]

const inProcess =
  (pipeline: string, params: object, ...flags: string[]): Call =>
  ({ checkout }, folder) => [
    join(checkout, 'bench/in-process.ts'),
    ...['--pipeline', pipeline, '--params', JSON.stringify(params), '--folder', folder, ...flags],
  ]

const shape = (name: string, size: number, ...flags: string[]) =>
  inProcess('shapes', { shape: name, size }, ...flags)

const command =
  (...args: string[]): Call =>
  ({ checkout }, folder) => [join(checkout, 'bin/sluice.js'), ...args, '--state', join(folder, 'state')]

/** A plan of commands that touch one file each; `isDone` makes the files before. */
const touches =
  (size: number, isDone: boolean): Call =>
  (version, folder) => {
    const plan = join(folder, 'plan.jsonl')
    const lines = Array.from({ length: size }, (_, number) => {
      const output = join(folder, 'out', String(number))
      return { task: String(number), command: ['touch', output], output }
    })
    mkdirSync(join(folder, 'out'))
    if (isDone) for (const { output } of lines) writeFileSync(output, '')
    const header = { plan: 1, pipeline: 'touch' }
    writeFileSync(plan, [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''))
    return command('run', '--plan', plan, '--concurrency', '4')(version, folder)
  }

const CALLS: { [name: string]: Call } = {
  'wide 1,000': shape('wide', 1_000),
  'wide 10,000': shape('wide', 10_000),
  'layered 10,000': shape('layered', 10_000),
  'chain of 5,000': shape('chain', 5_000),
  'planning wide 100,000': shape('wide', 100_000, '--plan-only'),
  'wide 100,000': shape('wide', 100_000),
  'nothing to do, 30,000 commands': touches(30_000, true),
  '1,000 touch commands': touches(1_000, false),
  'reused child processes, 2,000': shape('wide', 2_000, '--children', '--concurrency', '2'),
  'a fresh process per task, 50': inProcess('fresh', { size: 50 }, '--children', '--concurrency', '2'),
  'the command: runs': command('runs'),
}

/** Runs the project of the benchmark by the command of the installed package, from the start of the process to its end. */
const installed =
  (pipeline: string, params: object, ...flags: string[]): Call =>
  (version, folder) =>
    command(
      'run',
      pipeline,
      ...Object.entries(params).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...['--config', join(version.checkout, '../../sluice.config.ts'), '--data', join(folder, 'data')],
      ...flags,
    )(version, folder)

const INLINE = ['--inline', '--concurrency', '64']

const INSTALLED_CALLS: { [name: string]: Call } = {
  'installed: wide 1,000': installed('shapes', { shape: 'wide', size: 1_000 }, ...INLINE),
  'installed: wide 10,000': installed('shapes', { shape: 'wide', size: 10_000 }, ...INLINE),
  'installed: layered 10,000': installed('shapes', { shape: 'layered', size: 10_000 }, ...INLINE),
  'installed: chain of 5,000': installed('shapes', { shape: 'chain', size: 5_000 }, ...INLINE),
  'installed: 1,000 touch commands': touches(1_000, false),
  'installed: reused child processes, 1,000': installed('shapes', { shape: 'wide', size: 1_000 }),
  'installed: a fresh process per task, 50': installed('fresh', { size: 50 }),
  'installed: the command: runs': command('runs'),
}

/** What {@link compareWith} compares. */
export interface Comparison {
  /** Keeps to names with that text. @default '' */
  only?: string | undefined
  /** How often each version is measured, twice. */
  rounds: number
  /** Compares the packages of both, by their command, instead of their sources. */
  isInstalled?: boolean | undefined
}

/**
 * Measures this checkout and the one in `folder` in turns (A B B A), because the machine is never equally quick for long.
 * Prints the middle of each, their ratio, and the ratio of the least values, which other programs disturb less; CPU time is
 * that of all processes of a run.
 */
export async function compareWith(
  folder: string,
  { only = '', rounds, isInstalled = false }: Comparison,
): Promise<void> {
  const versions = [resolve(folder), resolve(import.meta.dirname, '..')].map((checkout) => {
    const folder = freshFolder()
    return { checkout: isInstalled ? installPackage(checkout, folder) : checkout, folder }
  })
  const table = new Table()
  for (const [name, call] of Object.entries(isInstalled ? INSTALLED_CALLS : CALLS).filter(([each]) =>
    each.includes(only),
  )) {
    console.error(`… ${name}`)
    const [old, current] = await measureInTurns(versions, call, rounds)
    for (const key of ['cpuSeconds', 'seconds', 'peakMb'] as const) {
      const [before, after] = [middle(old, key), middle(current, key)]
      table.cell('measure', key === 'cpuSeconds' ? name : '')
      table.cell('', { cpuSeconds: 'CPU s', seconds: 'wall s', peakMb: 'peak MB' }[key])
      table.cell('there', before.toPrecision(3))
      table.cell('here', after.toPrecision(3))
      table.cell('ratio', (after / before).toFixed(2))
      table.cell('of the least', (least(current, key) / least(old, key)).toFixed(2))
      table.newRow()
    }
  }
  console.log(table.toString())
}

async function measureInTurns(versions: Version[], call: Call, rounds: number): Promise<[Usage[], Usage[]]> {
  const measured: [Usage[], Usage[]] = [[], []]
  // The first run of each only fills the caches of compiled code.
  for (let turn = -2; turn < rounds * 2; turn++) {
    const index = turn < 0 ? turn + 2 : [0, 1, 1, 0][turn % 4]
    const usage = await measure(versions[index as 0 | 1] as Version, call)
    if (turn >= 0) measured[index as 0 | 1].push(usage)
  }
  return measured
}

/** Runs it once in a folder of its own, which is gone afterwards. */
async function measure(version: Version, call: Call): Promise<Usage> {
  const folder = join(version.folder, 'run')
  mkdirSync(folder)
  const measured = script('peers/measured.py')
  const ended = await told('python3', [measured, process.execPath, ...call(version, folder)], {
    HOME: version.folder,
  })
  rmSync(folder, { recursive: true })
  return { cpuSeconds: Number(ended.cpuSeconds), seconds: ended.seconds, peakMb: Number(ended.peakMb) }
}

const least = (usages: Usage[], key: keyof Usage) => Math.min(...usages.map((usage) => usage[key]))

function middle(usages: Usage[], key: keyof Usage): number {
  const sorted = usages.map((usage) => usage[key]).sort((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2
}
