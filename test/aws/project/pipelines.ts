import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cron, insignificant, json, pipeline, secret, type TaskInstance, task, text } from 'sluice'
import { z } from 'zod'

const Leaf = task(
  'Leaf',
  { params: { of: z.string(), n: z.int() }, output: ({ of, n }) => text(`shapes/${of}/${n}.txt`) },
  async ({ params, output }) => output.write(`${params.n}\n`),
)

/** A root with so many leaves. */
const Wide = task(
  'Wide',
  {
    params: { of: z.string(), size: insignificant(z.int()) },
    requires: ({ of, size }) => Array.from({ length: size }, (_, n) => Leaf({ of, n })),
    output: ({ of }) => json<number>(`shapes/${of}/wide.json`),
  },
  async ({ input, output }) => output.write(input.length),
)
export const wide = pipeline('wide', Wide)

const Layer = task(
  'Layer',
  {
    params: { of: z.string(), layer: z.int(), n: z.int(), width: insignificant(z.int()) },
    requires: ({ of, layer, n, width }): TaskInstance[] =>
      layer === 0
        ? []
        : [0, 1, 2].map((step) => Layer({ of, layer: layer - 1, n: (n + step) % width, width })),
    output: ({ of, layer, n }) => text(`shapes/${of}/${layer}-${n}.txt`),
  },
  async ({ output }) => output.write('done\n'),
)

/** Layers of tasks with three upstreams each. */
const Layered = task(
  'Layered',
  {
    params: { of: z.string(), layers: insignificant(z.int()), width: insignificant(z.int()) },
    requires: ({ of, layers, width }) =>
      Array.from({ length: width }, (_, n) => Layer({ of, layer: layers - 1, n, width })),
    output: ({ of }) => text(`shapes/${of}/layered.txt`),
  },
  async ({ output }) => output.write('done\n'),
)
export const layered = pipeline('layered', Layered)

const Flaky = task(
  'Flaky',
  {
    params: { of: z.string(), failures: insignificant(z.int()) },
    output: ({ of }) => text(`flaky/${of}.txt`),
    retry: { attempts: 3, delaySeconds: 1, backoff: 'fixed' },
  },
  async ({ params, attempt, output, log }) => {
    log.info(`this is attempt ${attempt}`)
    if (attempt <= params.failures) throw new Error(`failing attempt ${attempt} on purpose`)
    await output.write('done\n')
  },
)

/** One branch fails as often as is asked for, the other must not mind. */
const Branches = task(
  'Branches',
  {
    params: { of: z.string(), failures: insignificant(z.int()) },
    requires: ({ of, failures }) => [Flaky({ of, failures }), Leaf({ of: `beside-${of}`, n: 1 })],
    output: ({ of }) => text(`branches/${of}.txt`),
  },
  async ({ output }) => output.write('done\n'),
)
export const branches = pipeline('branches', Branches)

const Slow = task(
  'Slow',
  {
    params: { of: z.string(), seconds: insignificant(z.number()) },
    output: ({ of }) => text(`slow/${of}.txt`),
    pool: 'heavy',
  },
  async ({ params, output, signal, log, attempt }) => {
    log.info(`attempt ${attempt} sleeps`)
    await sleep(params.seconds * 1000, undefined, { signal })
    await output.write('done\n')
  },
)
export const slow = pipeline('slow', Slow)

/** Fills so much memory, in a process that has 96 MB at first. */
const Hungry = task(
  'Hungry',
  {
    params: { of: z.string(), mb: insignificant(z.int()) },
    output: ({ of }) => text(`hungry/${of}.txt`),
    pool: 'heavy',
    memoryMb: 96,
  },
  async ({ params, output }) => {
    await output.write(`${filled(params.mb)}\n`)
  },
)
const filled = (mb: number) =>
  Array.from({ length: mb }, (_, n) => Array.from({ length: 131_072 }, (_, m) => n + m + 0.5)).length
export const hungry = pipeline('hungry', Hungry)

const Alone = task(
  'Alone',
  {
    params: { of: z.string(), n: z.int() },
    output: ({ of, n }) => text(`alone/${of}-${n}.txt`),
    pool: 'single',
  },
  async ({ output }) => output.write('done\n'),
)
const Pair = task(
  'Pair',
  {
    params: { of: z.string() },
    requires: ({ of }) => [Alone({ of, n: 1 }), Alone({ of, n: 2 })],
    output: ({ of }) => text(`alone/${of}.txt`),
  },
  async ({ output }) => output.write('done\n'),
)
export const pair = pipeline('pair', Pair)

const Six = task(
  'Six',
  {
    params: { of: z.string() },
    requires: ({ of }) => [1, 2, 3, 4, 5, 6].map((n) => Alone({ of, n })),
    output: ({ of }) => text(`alone/${of}-six.txt`),
  },
  async ({ output }) => output.write('done\n'),
)
export const six = pipeline('six', Six)

/** In a pool of one container, which waits for the next task. */
const Patient = task(
  'Patient',
  {
    params: { of: z.string(), seconds: insignificant(z.number()) },
    output: ({ of }) => text(`patient/${of}.txt`),
    pool: 'patient',
  },
  async ({ params, output, signal }) => {
    await sleep(params.seconds * 1000, undefined, { signal })
    await output.write('done\n')
  },
)
export const patient = pipeline('patient', Patient)

const Folders = z.object({ cwd: z.string(), tmp: z.string() })
/** Writes into its folders, and looks whether those of the task before it are there. */
const Litter = task(
  'Litter',
  {
    params: { of: z.string(), n: z.int() },
    requires: ({ of, n }): TaskInstance[] => (n === 0 ? [] : [Litter({ of, n: n - 1 })]),
    output: ({ of, n }) => json(`litter/${of}-${n}.json`),
    pool: 'patient',
  },
  async ({ params, input, output }) => {
    const folders = { cwd: process.cwd(), tmp: tmpdir() }
    const found = [...new Set(Object.values(folders))].flatMap((folder) => readdirSync(folder))
    writeFileSync('litter', '')
    writeFileSync(join(tmpdir(), 'more litter'), '')
    const before = await Promise.all(
      input.map(async (each) => Folders.parse(await (each as typeof output).read())),
    )
    const left = before.flatMap(({ cwd, tmp }) => [cwd, tmp]).filter((folder) => existsSync(folder))
    await output.write({ n: params.n, ...folders, found, left })
  },
)
export const litter = pipeline('litter', Litter)

/** Ends its process, as a body on Lambda that knows no better. */
const Exits = task(
  'Exits',
  {
    params: { of: z.string() },
    output: ({ of }) => text(`exits/${of}.txt`),
    retry: { attempts: 2, delaySeconds: 1, backoff: 'fixed' },
  },
  async ({ log }) => {
    log.info('leaving')
    process.exit(7)
  },
)
export const exits = pipeline('exits', Exits)

/** Kills the function that runs its first attempt. */
const Kills = task(
  'Kills',
  {
    params: { of: z.string() },
    output: ({ of }) => text(`kills/${of}.txt`),
    retry: { attempts: 1 },
  },
  async ({ attempt, output }) => {
    if (attempt === 1) process.kill(process.ppid, 'SIGKILL')
    await output.write('done\n')
  },
)
export const kills = pipeline('kills', Kills)

const HungryHere = task(
  'HungryHere',
  {
    params: { of: z.string(), mb: insignificant(z.int()) },
    output: ({ of }) => text(`hungry/${of}.txt`),
    memoryMb: 96,
  },
  async ({ params, output }) => output.write(`${filled(params.mb)}\n`),
)
export const hungryHere = pipeline('hungry-here', HungryHere)

const Spender = task(
  'Spender',
  { params: { of: z.string() }, output: ({ of }) => text(`spent/${of}.txt`), budgets: { tiny: 1 } },
  async ({ output }) => output.write('done\n'),
)
export const spender = pipeline('spender', Spender)

const NoSecret = task(
  'NoSecret',
  {
    params: { of: z.string() },
    output: ({ of }) => text(`secret/${of}.txt`),
    secrets: { key: secret('never/set') },
    retry: { attempts: 1 },
  },
  async ({ output }) => output.write('done\n'),
)
export const noSecret = pipeline('no-secret', NoSecret)

const Minute = task(
  'Minute',
  { params: { at: z.string() }, output: ({ at }) => text(`minutes/${at.replaceAll(':', '-')}.txt`) },
  async ({ output }) => output.write('done\n'),
)
export const everyMinute = pipeline('every-minute', Minute, {
  schedule: cron('* * * * *', { catchUp: 'latest' }),
  params: ({ start }) => ({ at: start }),
})
