import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshFolder, SLUICE, script, sluice, type Told, told } from './commands.ts'
import { luigiTasks } from './luigi-tasks.ts'
import { type Peers, touchCommands } from './peers.ts'
import { schedulers } from './schedulers.ts'

/** One line of the table. */
export interface Row {
  measure: string
  sluice: string
  peer: string
  target: string
  /** Absent where nothing is to be reached, or where the peer is not there. */
  isReached?: boolean
  /** The plain numbers, for JSON. */
  values: { [name: string]: number }
}

/** What can be measured, by name; `isLong` ones only with `--full`. */
export interface Measure {
  name: string
  isLong?: true
  run(peers: Peers | undefined): Promise<Row[]>
}

const seconds = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} s`
const perSecond = (value: number) => `${Math.round(value).toLocaleString('en')}/s`
const times = (value: number) => `${value.toFixed(1)} times`

/** The middle one of three, because the file system is not always equally quick. */
async function median(measure: () => Promise<Told>): Promise<Told> {
  const all = [await measure(), await measure(), await measure()]
  return all.sort((a, b) => a.seconds - b.seconds)[1] as Told
}

const shape = (name: string, size: number, ...flags: string[]) =>
  sluice('shapes', { shape: name, size }, flags)

/** How many times faster than Luigi, on `wide`. */
const againstLuigi = (size: number, target: number, isLong?: true): Measure => ({
  name: `wide ${size} against luigi`,
  ...(isLong && { isLong }),
  async run(peers) {
    const ours = await median(() => shape('wide', size))
    const luigi = await peers?.luigi('wide', size)
    const ratio = (luigi?.seconds ?? Number.NaN) / ours.seconds
    return [
      {
        measure: `wide ${size} cold`,
        sluice: seconds(ours.seconds),
        peer: luigi ? `luigi ${seconds(luigi.seconds)}, ${times(ratio)}` : 'no luigi',
        target: `${target} times faster`,
        values: { sluice: ours.seconds, ...(luigi && { luigi: luigi.seconds, ratio }) },
        ...(luigi && { isReached: ratio >= target }),
      },
    ]
  },
})

/** Tasks per second, against doit and against what SQLite and the file system take. */
const throughput = (name: 'wide' | 'layered', size: number): Measure => ({
  name: `${name} ${size}`,
  async run(peers) {
    const ours = await median(() => shape(name, size))
    const rate = size / ours.seconds
    const doit = await peers?.doit(name, size)
    const ratio = (doit?.seconds ?? Number.NaN) / ours.seconds
    return [
      {
        measure: `${name} ${size}, tasks per second`,
        sluice: perSecond(rate),
        peer: '',
        target: '8,000/s',
        values: { sluice: rate },
        isReached: rate >= 8_000,
      },
      {
        measure: `${name} ${size} against doit`,
        sluice: seconds(ours.seconds),
        peer: doit ? `doit ${seconds(doit.seconds)}, ${times(ratio)}` : 'no doit',
        target: '4 times faster',
        values: { sluice: ours.seconds, ...(doit && { doit: doit.seconds, ratio }) },
        ...(doit && { isReached: ratio >= 4 }),
      },
    ]
  },
})

const floor: Measure = {
  name: 'floor',
  async run() {
    const bare = await median(() => told(process.execPath, [script('floor.ts'), '10000', freshFolder()]))
    return [
      {
        measure: 'bare loop: the same records and files, 10000',
        sluice: perSecond(10_000 / bare.seconds),
        peer: '',
        target: 'the floor',
        values: { perSecond: 10_000 / bare.seconds },
      },
    ]
  },
}

const growth = (name: 'wide' | 'layered'): Measure => ({
  name: `growth ${name}`,
  async run() {
    const small = await median(() => shape(name, 10_000))
    const large = await shape(name, 100_000)
    const ratio = large.seconds / small.seconds
    const rows: Row[] = [
      {
        measure: `growth, ${name} 100000 / 10000`,
        sluice: `${seconds(large.seconds)} / ${seconds(small.seconds)} = ${ratio.toFixed(1)}`,
        peer: '',
        target: '12 or less',
        values: { small: small.seconds, large: large.seconds, ratio },
        isReached: ratio <= 12,
      },
      {
        measure: `peak memory, ${name} 100000`,
        sluice: `${Math.round(large.peakMb ?? 0)} MB`,
        peer: '',
        target: '350 MB or less',
        values: { peakMb: large.peakMb ?? 0 },
        isReached: (large.peakMb ?? 0) <= 350,
      },
      {
        measure: `planning ${name} 100000, cold, durable`,
        sluice: seconds(large.planSeconds ?? 0),
        peer: '',
        target: name === 'wide' ? '1.5 s or less' : '',
        values: { seconds: large.planSeconds ?? 0 },
        ...(name === 'wide' && { isReached: (large.planSeconds ?? 0) <= 1.5 }),
      },
    ]
    return rows
  },
})

const chain: Measure = {
  name: 'chain 10000',
  async run() {
    const ours = await shape('chain', 10_000)
    const rate = 10_000 / ours.seconds
    return [
      {
        measure: 'chain of 10000, tasks per second',
        sluice: perSecond(rate),
        peer: 'luigi: recursion',
        target: '2,000/s',
        values: { sluice: rate },
        isReached: rate >= 2_000,
      },
    ]
  },
}

const diamond: Measure = {
  name: 'diamond 1000',
  async run(peers) {
    const ours = await median(() => shape('diamond', 1_000))
    const luigi = await peers?.luigi('diamond', 1_000)
    return [
      {
        measure: 'diamond 1000 cold',
        sluice: seconds(ours.seconds),
        peer: luigi ? `luigi ${seconds(luigi.seconds)}` : 'no luigi',
        target: '',
        values: { sluice: ours.seconds, ...(luigi && { luigi: luigi.seconds }) },
      },
    ]
  },
}

const luigid: Measure = {
  name: 'luigid',
  async run(peers) {
    if (peers === undefined) return []
    const theirs = await peers.luigid('wide', 1_000)
    return [
      {
        measure: 'wide 1000 cold, luigi with luigid',
        sluice: '',
        peer: `luigid ${seconds(theirs.seconds)}`,
        target: '',
        values: { luigid: theirs.seconds },
      },
    ]
  },
}

const completeness: Measure = {
  name: 'completeness',
  async run() {
    const rows: Row[] = []
    for (const tree of ['folder', 'dates']) {
      const seen = await told(process.execPath, [script('completeness.ts'), tree, '100000', freshFolder()])
      const { requests = 0 } = seen as Told & { requests: number }
      rows.push({
        measure: `completeness of 100000 files, ${tree === 'folder' ? 'one folder' : 'a tree by date'}`,
        sluice: `${seconds(seen.seconds)}, ${requests} requests`,
        peer: '',
        target: '1 s or less, listings only',
        values: { seconds: seen.seconds, requests },
        isReached: seen.seconds <= 1 && requests < 10_000,
      })
    }
    return rows
  },
}

const commands: Measure = {
  name: 'commands against ninja',
  async run(peers) {
    const { ninja, plan } = touchCommands(10_000)
    const where = (command: string[], folder: string) => [
      'sh',
      '-c',
      'cd "$0" && exec "$@"',
      folder,
      ...command,
    ]
    const flags = ['--state', join(plan, '../state'), '--concurrency', '4']
    const ours = [...SLUICE, 'run', '--plan', plan, ...flags]
    if (peers === undefined) return []
    const theirs = await peers.measured(where([peers.ninja, '-j', '4', '--quiet'], ninja))
    const mine = await peers.measured(ours)
    const ratio = mine.seconds / theirs.seconds
    return [
      {
        measure: '10000 touch commands, a process each',
        sluice: seconds(mine.seconds),
        peer: `ninja ${seconds(theirs.seconds)}, ${times(ratio)}`,
        target: '2 times ninja or less',
        values: { sluice: mine.seconds, ninja: theirs.seconds, ratio },
        isReached: ratio <= 2,
      },
    ]
  },
}

const nothingToDo: Measure = {
  name: 'nothing to do',
  async run(peers) {
    if (peers === undefined) return []
    const { ninja, plan } = touchCommands(100_000)
    for (const folder of [ninja, join(plan, '..')]) {
      mkdirSync(join(folder, 'out'), { recursive: true })
      for (let number = 0; number < 100_000; number++) writeFileSync(join(folder, 'out', String(number)), '')
    }
    // ninja believes what its log knows; this notes what is there.
    await peers.measured([peers.ninja, '-C', ninja, '--quiet'])
    const theirs = await peers.measured([peers.ninja, '-C', ninja, '--quiet'])
    const mine = await peers.measured([...SLUICE, 'run', '--plan', plan, '--state', join(plan, '../state')])
    const ratio = mine.seconds / theirs.seconds
    return [
      {
        measure: 'nothing to do among 100000 commands, whole command',
        sluice: `${seconds(mine.seconds)}, ${Math.round(mine.peakMb ?? 0)} MB`,
        peer: `ninja ${seconds(theirs.seconds)}, ${Math.round(theirs.peakMb ?? 0)} MB, ${times(ratio)}`,
        target: 'aim: 3 times ninja',
        values: { sluice: mine.seconds, ninja: theirs.seconds, ratio },
      },
    ]
  },
}

const children: Measure = {
  name: 'child processes',
  async run() {
    const reused = await shape('wide', 3_000, '--children', '--concurrency', '2')
    const fresh = await sluice('fresh', { size: 100 }, ['--children', '--concurrency', '2'])
    const [reusedRate, freshRate] = [3_000 / reused.seconds, 100 / fresh.seconds]
    return [
      {
        measure: 'child processes, reused, two at once',
        sluice: perSecond(reusedRate),
        peer: '',
        target: '500/s',
        values: { perSecond: reusedRate },
        isReached: reusedRate >= 500,
      },
      {
        measure: 'a fresh process per task, two at once',
        sluice: perSecond(freshRate),
        peer: '',
        target: '25/s',
        values: { perSecond: freshRate },
        isReached: freshRate >= 25,
      },
    ]
  },
}

const shared: Measure = {
  name: 'two runs',
  async run() {
    const folder = freshFolder()
    const notes = join(folder, 'notes')
    writeFileSync(notes, '')
    const part = (from: number) =>
      sluice('part', { from, size: 10_000 }, ['--folder', folder], { BENCH_NOTES: notes })
    const both = await Promise.all([part(0), part(5_000)])
    const bodies = readFileSync(notes, 'utf8').trimEnd().split('\n')
    const once = new Set(bodies).size
    const slowest = Math.max(...both.map((each) => each.seconds))
    return [
      {
        measure: 'two runs of 10000 that share half, at once',
        sluice: `${seconds(slowest)}, ${bodies.length} bodies of ${once} tasks`,
        peer: '',
        target: 'every body once',
        values: { seconds: slowest, bodies: bodies.length, tasks: once },
        isReached: bodies.length === once && once === 15_000,
      },
    ]
  },
}

const million: Measure = {
  name: 'wide 1000000',
  isLong: true,
  async run() {
    const ours = await shape('wide', 1_000_000)
    return [
      {
        measure: 'wide 1000000',
        sluice: `${seconds(ours.seconds)}, ${Math.round(ours.peakMb ?? 0)} MB`,
        peer: '',
        target: 'ends',
        values: { seconds: ours.seconds, peakMb: ours.peakMb ?? 0 },
        isReached: ours.ok,
      },
    ]
  },
}

/** All of them, in the order of the table. */
export const MEASURES: Measure[] = [
  againstLuigi(1_000, 25),
  luigid,
  schedulers,
  luigiTasks,
  againstLuigi(3_000, 100),
  againstLuigi(10_000, 400, true),
  diamond,
  floor,
  throughput('wide', 10_000),
  throughput('layered', 10_000),
  growth('wide'),
  growth('layered'),
  chain,
  completeness,
  commands,
  nothingToDo,
  children,
  shared,
  million,
]
