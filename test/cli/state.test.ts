import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { testProject } from '../support/cli.ts'

const STEPS = `
import { pipeline, task, text } from 'sluice'
const First = task('First', { output: () => text('first.txt') }, async ({ output }) => output.write('1'))
const Second = task('Second', { requires: () => First(), output: () => text('second.txt') }, async ({ output }) => output.write('2'))
export const steps = pipeline('steps', Second)`

const project = (test: TestContext) => testProject(test, { 'pipelines/steps.ts': STEPS })

/** Does the work on a small or read-only file system; skips the test where mounting is not allowed. */
async function onMount(test: TestContext, path: string, options: string, work: () => Promise<void>) {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    return test.skip('mounting a file system is not allowed here')
  }
  await work().finally(() => execFileSync('umount', [path]))
}

describe('state', () => {
  it('that several commands make at the same moment is one state', async (test) => {
    const { start } = project(test)
    const all = Array.from({ length: 6 }, () => start(['run', 'steps']))
    const codes = (await Promise.all(all.map((each) => each.ended))).map(({ code }) => code)
    assert.deepEqual(codes, [0, 0, 0, 0, 0, 0])
  })

  it('of a newer version is refused', async (test) => {
    const { sluice, path } = project(test)
    await sluice('run', 'steps')
    const sql = new DatabaseSync(path('.sluice/state.db'))
    sql.exec('PRAGMA user_version = 99')
    sql.close()
    const ended = await sluice('runs')
    assert.equal(ended.code, 3)
    assert.match(ended.stderr, /is of version 99; this Sluice knows versions up to 4/)
  })

  it('that is no state is refused and left alone', async (test) => {
    const { sluice, write } = project(test)
    write('.sluice/state.db', 'something else')
    const ended = await sluice('run', 'steps')
    assert.equal(ended.code, 3)
    assert.match(ended.stderr, /is not a Sluice state, or is damaged/)
  })

  it('remembers its storage and refuses another', async (test) => {
    const { sluice } = project(test)
    await sluice('run', 'steps')
    const ended = await sluice('run', 'steps', '--data', 'elsewhere')
    assert.equal(ended.code, 2)
    assert.match(ended.stderr, /belongs to the storage .*data, not to .*elsewhere/)
  })

  it('on a read-only file system is one clear message', async (test) => {
    const { sluice, path } = project(test)
    await onMount(test, path('mounted'), 'ro', async () => {
      const ended = await sluice('run', 'steps', '--state', 'mounted/state')
      assert.equal(ended.code, 3)
      assert.match(ended.stderr, /mounted\/state cannot be written: its file system is read-only/)
    })
  })

  it('on a full disk is one clear message, and the run goes on when there is room', async (test) => {
    const { sluice, path } = project(test)
    await onMount(test, path('mounted'), 'size=3m', async () => {
      writeFileSync(path('mounted/fill'), Buffer.alloc(3_050_000))
      const full = await sluice('run', 'steps', '--state', 'mounted/state')
      assert.equal(full.code, 3, full.stdout)
      assert.match(full.stderr, /is full/)
      rmSync(path('mounted/fill'))
      const roomy = await sluice('run', 'steps', '--state', 'mounted/state')
      assert.equal(roomy.code, 0, roomy.stderr)
    })
  })

  it('and outputs on a disk that fills up in the middle: the message says so, and the run goes on with more room', async (test) => {
    const { sluice, path, write } = project(test)
    write(
      'pipelines/fill.ts',
      `import { file, pipeline, task } from 'sluice'
       import { z } from 'zod'
       const Part = task('Part', { params: { n: z.number() }, retry: { attempts: 1 }, output: ({ n }) => file(\`part-\${n}\`) },
         async ({ output }) => output.write(Buffer.alloc(300_000, 1)))
       const Whole = task('Whole', { requires: () => Array.from({ length: 20 }, (_, n) => Part({ n })) }, () => {})
       export const fill = pipeline('fill', Whole)`,
    )
    await onMount(test, path('mounted'), 'size=4m', async () => {
      const where = ['--state', 'mounted/state', '--data', 'mounted/data']
      const full = await sluice('run', 'fill', ...where)
      assert.notEqual(full.code, 0)
      assert.match(full.stdout + full.stderr, /disk.* is full/)
      execFileSync('mount', ['-o', 'remount,size=64m', path('mounted')])
      // Where the state had room to note that outputs had none, the run that was open ends with it, and the next one completes.
      const open = await sluice('run', 'fill', ...where)
      if (open.code !== 0) assert.match(open.stdout, /disk is full/)
      const roomy = open.code === 0 ? open : await sluice('run', 'fill', ...where)
      assert.equal(roomy.code, 0, roomy.stdout + roomy.stderr)
    })
  })

  it('keeps an old Node away with one message', async (test) => {
    const { path } = project(test)
    const bin = new URL('../../bin/sluice.js', import.meta.url).pathname
    writeFileSync(
      path('old.mjs'),
      `Object.defineProperty(process.versions, 'node', { value: '20.1.0' }); await import(${JSON.stringify(bin)})`,
    )
    assert.throws(
      () => execFileSync(process.execPath, [path('old.mjs')], { stdio: 'pipe' }),
      (error: { status: number; stderr: Buffer }) =>
        error.status === 3 && /needs Node 24 or newer; this is 20\.1\.0/.test(String(error.stderr)),
    )
  })
})
