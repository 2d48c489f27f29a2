import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { it } from 'node:test'
import { testProject } from '../support/cli.ts'

const PIPELINE = `
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { jsonLines, pipeline, task } from 'sluice'
import { z } from 'zod'
import { late } from '../late.ts'
import { fail } from '../fail.ts'
import data from '../data.json' with { type: 'json' }
import common from 'common'

const Look = task('Look', { params: { n: z.int() }, fresh: 'attempt', output: ({ n }) => jsonLines('look/' + n) },
  async ({ output, log }) => {
    const forked = fork(new URL('../forked.mjs', import.meta.url))
    const [said] = await once(forked, 'message')
    const worker = new Worker(new URL('../worker.mjs', import.meta.url), { workerData: 41 })
    const [counted] = await once(worker, 'message')
    await worker.terminate()
    const german = z.locales.de().localeError({ code: 'invalid_type', expected: 'string', input: 1 })
    console.log('printed')
    console.error('printed as an error')
    log.warn('logged')
    const seen = {
      late, data, said, counted, german,
      common: { ...common, task: common.task === task, z: common.z === z },
      imported: (await import('../data.json', { with: { type: 'json' } })).default,
      urls: [import.meta.url, import.meta.dirname, import.meta.filename, import.meta.resolve('sluice') === import.meta.resolve('zod')],
      argv: [process.argv[0], process.argv.slice(2, 4), process.execArgv],
      variables: Object.keys(process.env).sort(), send: typeof process.send,
      zone: new Date(0).toString(), limit: Error.stackTraceLimit,
      refused: z.object({ at: z.email() }).safeParse({ at: 'x' }).error?.message,
      globals: Object.getOwnPropertyNames(globalThis).sort(),
      ago: Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 5_000,
    }
    await output.write([{ seen, entry: process.argv[1], random: [Math.random(), crypto.randomUUID()] }])
  })
const Fail = task('Fail', { params: { n: z.int() }, fresh: 'attempt', retry: { attempts: 1 } }, async () => { await null; fail() })
const Full = task('Full', { params: { n: z.int() }, fresh: 'attempt', memoryMb: 40, retry: { attempts: 1 } },
  () => { for (const all: unknown[] = []; ; ) all.push([{}, {}, {}]) })
const All = task('All', { params: { n: z.int() }, requires: ({ n }) => [Look({ n }), Fail({ n }), Full({ n })] }, () => {})
export const all = pipeline('all', All)`

const FILES = {
  'pipelines/all.ts': PIPELINE,
  'late.ts': 'export const late: number = await new Promise((resolve) => setTimeout(resolve, 1, 7))',
  'fail.ts': `interface Erased { at: number }

export function fail(): never {
  throw new Error('refused', { cause: new TypeError('why' satisfies string) })
}`,
  'data.json': '{ "a": 1 }',
  'forked.mjs':
    'process.send({ flags: process.execArgv, tuned: process.env.GLIBC_TUNABLES, cache: process.env.NODE_COMPILE_CACHE })',
  'worker.mjs':
    "import { parentPort, workerData } from 'node:worker_threads'\nparentPort.postMessage(workerData + 1)",
}

it('a fresh process from a snapshot differs in nothing that a body can see from one without', async (test) => {
  const project = testProject(test, FILES)
  mkdirSync(project.path('node_modules/common'), { recursive: true })
  writeFileSync(project.path('node_modules/common/package.json'), '{ "main": "main.js" }')
  writeFileSync(
    project.path('node_modules/common/main.js'),
    "const { task } = require('sluice')\nmodule.exports = { task, z: require('zod').z, main: typeof require.main, here: __filename }",
  )
  writeFileSync(project.path('no-home'), '')
  const look = async (n: number, home: string) => {
    const env = { HOME: project.path(home), TZ: 'Asia/Tokyo' }
    const { code, stdout } = await project.start(['run', 'all', '--n', `${n}`, '--json'], { env }).ended
    assert.equal(code, 1)
    const { failed } = JSON.parse(stdout)
    const ends = failed.map(({ task, outcome, message, stack }: Record<string, string>) => [
      task?.replace(`${n}`, 'n'),
      outcome,
      message,
      stack,
    ])
    const { seen, entry, random } = JSON.parse(readFileSync(project.path(`data/look/${n}`), 'utf8'))
    return { ends: ends.sort(), seen, entry, random }
  }
  const [from, again, without] = [await look(1, 'home'), await look(2, 'home'), await look(3, 'no-home')]
  assert.match(from.entry, /\/snapshot-\w{6}\/child\.js$/)
  assert.match(without.entry, /\/worker\/child\.ts$/)
  assert.deepEqual(from.seen, without.seen)
  assert.deepEqual(from.ends, without.ends)
  assert.match(
    from.ends.flat().join('\n'),
    /at fail \(file:.*\/fail\.ts:4:9\)\n.*at .*pipelines\/all\.ts:\d+/,
  )
  assert.equal(from.ends.find(([task]: string[]) => task?.startsWith('Full'))?.[1], 'out_of_memory')
  assert.deepEqual(from.seen.said, { flags: [] })
  assert.equal(from.seen.common.task, true)
  for (const index of [0, 1]) assert.notEqual(from.random[index], again.random[index])
})
