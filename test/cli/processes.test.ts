import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { describe, it } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'
import { until } from '../support/processes.ts'

const ENDS = `
import { pipeline, secret, task, text } from 'sluice'
const once = { retry: { attempts: 1 } }
const Exits = task('Exits', once, () => { console.log('bye'); process.exit(0) })
const Fills = task('Fills', { ...once, memoryMb: 64 }, () => { const all: unknown[] = []; for (;;) all.push(new Array(1000).fill(Math.random())) })
const Loops = task('Loops', { ...once, timeoutSeconds: 1 }, () => { for (;;); })
const Dies = task('Dies', once, () => { process.kill(process.pid, 'SIGSEGV'); return new Promise<void>(() => {}) })
const Empty = task('Empty', { ...once, output: () => text('never.txt') }, () => {})
const Key = task('Key', { ...once, secrets: { key: secret('mag/api-key') } }, ({ secrets }) => {
  console.log('the key is ' + secrets.key)
  throw new Error('cannot use ' + secrets.key)
})
const Tells = task('Tells', { ...once, secrets: { key: secret('mag/api-key') } }, ({ secrets, progress }) => progress(1, 2, 'with ' + secrets.key))
export const tells = pipeline('tells', Tells)
const Small = task('Small', {}, () => ({ n: 41 }))
const Adds = task('Adds', { requires: () => ({ small: Small() }), output: () => text('adds.txt') },
  async ({ input, output }) => output.write(String((await input.small.read()).n + 1)))
const Pids = task('Pids', { fresh: 'attempt' }, () => ({ pid: process.pid }))
const All = task('All', { requires: () => [Exits(), Fills(), Loops(), Dies(), Empty(), Key(), Adds(), Pids()] }, () => {})
export const ends = pipeline('ends', All)
`

/** Tasks that note each start of a body, and run until they are let go. */
const SLOW = `
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Slow = task('Slow', { params: { n: z.number() }, output: ({ n }) => text(\`slow/\${n}.txt\`) }, async ({ params, output, signal }) => {
  appendFileSync('starts', params.n + '\\n')
  while (params.n > 2 && !existsSync('go')) await sleep(20, undefined, { signal })
  await output.write('x'.repeat(100_000))
})
const All = task('All', { requires: () => [1, 2, 3, 4, 5, 6].map((n) => Slow({ n })), output: () => text('all.txt') },
  async ({ output }) => output.write('all'))
export const slow = pipeline('slow', All)
`

const starts = (project: TestProject) =>
  existsSync(project.path('starts')) ? readFileSync(project.path('starts'), 'utf8').trim().split('\n') : []

function timesStarted(project: TestProject): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const n of starts(project)) counts[n] = (counts[n] ?? 0) + 1
  return counts
}

/** No file of the project holds the text, but for the secrets' own. */
function assertNowhere(project: TestProject, text: string): void {
  for (const file of readdirSync(project.folder, { recursive: true, withFileTypes: true }))
    if (file.isFile() && file.name !== 'secrets.json' && !file.parentPath.includes('node_modules'))
      assert.doesNotMatch(
        readFileSync(`${file.parentPath}/${file.name}`, 'latin1'),
        new RegExp(text),
        file.name,
      )
}

describe('processes', () => {
  it('end an attempt in every way without touching another', async (test) => {
    const project = testProject(test, { 'pipelines/ends.ts': ENDS })
    await project.start(['secrets', 'set', 'mag/api-key'], { input: 'open-sesame-1234\n' }).ended
    assert.equal(statSync(project.path('.sluice/secrets.json')).mode & 0o777, 0o600)
    const run = await project.json('run', 'ends')
    const why = Object.fromEntries(
      run.failed.map((each: { task: string; outcome: string; message: string }) => [
        each.task,
        `${each.outcome}: ${each.message}`,
      ]),
    )
    assert.match(why.Exits, /^failed: the process exited with code 0/)
    assert.match(why.Fills, /^out_of_memory: the heap was full at 64 MB/)
    assert.match(why.Loops, /^timed_out: .* timeout of 1 s/)
    assert.match(why.Dies, /^failed: the process was killed by SIGSEGV/)
    assert.match(why.Empty, /^failed: the body ended well but its output is missing/)
    assert.match(why.Key, /^failed: cannot use \*\*\*/)
    assert.deepEqual(run.counts, { failed: 6, succeeded: 3, upstream_failed: 1 })
    assert.equal(readFileSync(project.path('data/adds.txt'), 'utf8'), '42')
    assert.match((await project.sluice('logs', 'latest', 'Exits')).stdout, /bye/)
    assert.match((await project.sluice('logs', 'latest', 'Key')).stdout, /the key is \*\*\*/)
    assertNowhere(project, 'open-sesame')
  })

  it('keep every line in order, also half lines and structured ones', async (test) => {
    const project = testProject(test, {
      'pipelines/talk.ts': `
import { pipeline, task } from 'sluice'
const Talk = task('Talk', { retry: { attempts: 2, delaySeconds: 0 } }, async ({ log, attempt }) => {
  process.stdout.write('half ')
  console.log('a', { b: 1 })
  log.warn('careful', { n: 2 })
  process.stdout.write('no end')
  if (attempt === 1) throw new TypeError('once')
})
export const talk = pipeline('talk', Talk)`,
    })
    const { ended } = project.start(['run', 'talk'])
    assert.equal((await ended).code, 0)
    const lines = (await project.sluice('logs', 'latest', 'Talk', '--attempt', '2', '--json')).stdout
    assert.deepEqual(
      lines
        .trim()
        .split('\n')
        .map((line) => [JSON.parse(line).level, JSON.parse(line).text]),
      [
        ['info', 'half '],
        ['info', 'a { b: 1 }'],
        ['warn', 'careful { n: 2 }'],
        ['info', 'no end'],
      ],
    )
    assert.match((await project.sluice('logs', 'latest', '--tail', '1')).stdout, /^\S+ no end\n$/)
    const first = (await project.sluice('logs', 'latest', '--attempt', '1')).stdout.trimEnd().split('\n')
    assert.match(first[4] ?? '', /^\S+ error TypeError: once$/)
    assert.match(first[5] ?? '', /^ {4}at .*talk\.ts:\d+/)
    assert.match(first.at(-1) ?? '', /^\S+ error failed: TypeError: once$/)
    const ends = (text: string) =>
      text.split('\n').filter((line) => line.includes('failed: TypeError')).length
    assert.equal(ends((await project.sluice('logs', 'latest', '-f')).stdout), 1)
    assert.equal(ends(first.join('\n')), 1)
    // The file ends with it too, for readers elsewhere; where its runner died before, the record tells.
    const [file = ''] = globSync('.sluice/logs/*/*.1.jsonl', { cwd: project.folder })
    const written = readFileSync(project.path(file), 'utf8').trimEnd().split('\n')
    assert.deepEqual(
      [JSON.parse(written.at(-1) ?? '').text, JSON.parse(written.at(-2) ?? '').text.split('\n')[0]],
      ['failed: TypeError: once', 'TypeError: once'],
    )
    writeFileSync(project.path(file), `${written.slice(0, -2).join('\n')}\n`)
    assert.equal(ends((await project.sluice('logs', 'latest', '--attempt', '1')).stdout), 1)
  })

  it('say in the log how each attempt ended, also where nothing ran', async (test) => {
    const project = testProject(test, {
      'pipelines/ended.ts': `
import { pipeline, task } from 'sluice'
const Throws = task('Throws', { requires: () => { throw new Error('no list', { cause: 'quota' }) } }, () => {})
const Chain = task('Chain', { retry: { attempts: 1 } }, () => {
  const read = () => { throw new RangeError('too far', { cause: new AggregateError([new Error('first'), new Error('second')], 'both') }) }
  try { read() } catch (cause) { throw new Error('no report', { cause }) }
})
export const ended = pipeline('ended', task('Ended', { requires: () => [Throws(), Chain()] }, () => {}))`,
    })
    const run = await project.sluice('run', 'ended')
    assert.match(run.stdout, /Caused by: RangeError: too far\n +at .*ended\.ts:5/)
    assert.match(run.stdout, /Caused by: AggregateError: both\n.*\n +Caused by: first\n +at .*ended\.ts:5/)
    const last = async (task: string) =>
      (await project.sluice('logs', 'latest', task, '--tail', '1')).stdout.trimEnd().replace(/^\S+ \S+ /, '')
    assert.equal(await last('Throws'), "error planning: requires threw: no list ('quota')")
    assert.equal(
      await last('Chain'),
      'error failed: no report (RangeError: too far (AggregateError: both (first; second)))',
    )
  })

  it('leave no secret anywhere, in line neither', async (test) => {
    const project = testProject(test, { 'pipelines/ends.ts': ENDS })
    await project.start(['secrets', 'set', 'mag/api-key'], { input: 'open-sesame-1234\n' }).ended
    const run = await project.json('run', 'Key', '--inline')
    assert.match(run.failed[0].message, /^cannot use \*\*\*/)
    assert.match(run.failed[0].stack, /cannot use \*\*\*/)
    await project.sluice('run', 'tells')
    assert.equal((await project.json('status', 'latest')).tasks[0].progress.text, 'with ***')
    assertNowhere(project, 'open-sesame')
  })

  it('do not start where a secret is missing', async (test) => {
    const project = testProject(test, { 'pipelines/ends.ts': ENDS })
    const { code, stderr } = await project.sluice('run', 'Key')
    assert.equal(code, 2)
    assert.match(
      stderr,
      /no secret mag\/api-key, which Key needs; set it with: sluice secrets set mag\/api-key/,
    )
  })

  it('are killed with the engine, and the same command goes on: nothing that succeeded runs again', async (test) => {
    const project = testProject(test, { 'pipelines/slow.ts': SLOW })
    const first = project.start(['run', 'slow', '--concurrency', '3'])
    await until(() => starts(project).length >= 5)
    first.child.kill('SIGKILL')
    await first.ended
    const before = timesStarted(project)
    appendFileSync(project.path('go'), '')
    const again = await project.sluice('run', 'slow', '--concurrency', '3')
    assert.equal(again.code, 0, again.stdout)
    assert.match(again.stdout, /Going on with run slow-/)
    const after = timesStarted(project)
    assert.equal(after[1], 1)
    assert.equal(after[2], 1)
    for (const n of [3, 4, 5, 6]) assert.equal(after[n], (before[n] ?? 0) + 1, `task ${n}`)
    for (const n of [1, 2, 3, 4, 5, 6])
      assert.equal(statSync(project.path(`data/slow/${n}.txt`)).size, 100_000)
    assert.deepEqual(readdirSync(project.path('data/slow')).length, 6)
  })

  it('are asked to stop by Ctrl-C, and the same command goes on without using up a retry', async (test) => {
    const project = testProject(test, { 'pipelines/slow.ts': SLOW })
    const first = project.start(['run', 'slow', '--concurrency', '2'])
    await until(() => starts(project).length >= 4)
    first.child.kill('SIGINT')
    const stopped = await first.ended
    assert.equal(stopped.code, 4)
    assert.match(stopped.stdout, /The same command goes on with it/)
    appendFileSync(project.path('go'), '')
    const again = await project.sluice('run', 'slow')
    assert.equal(again.code, 0, again.stdout)
    const { tasks } = await project.json('status', 'latest')
    const outcomes = tasks.flatMap((task: { attempts: { outcome: string }[] }) =>
      task.attempts.map((each) => each.outcome),
    )
    assert.deepEqual(new Set(outcomes), new Set(['interrupted']))
  })

  it('are killed by a second Ctrl-C, and the same command goes on', async (test) => {
    const project = testProject(test, {
      'pipelines/deaf.ts': `
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, task } from 'sluice'
const Deaf = task('Deaf', {}, async () => {
  appendFileSync('starts', process.pid + '\\n')
  while (!existsSync('go')) await sleep(20)
})
export const deaf = pipeline('deaf', Deaf)`,
    })
    const first = project.start(['run', 'deaf'])
    await until(() => starts(project).length === 1)
    first.child.kill('SIGINT')
    await until(() => first.stdout().includes('Stopping'))
    first.child.kill('SIGINT')
    assert.equal((await first.ended).code, 130)
    const pid = Number(starts(project)[0])
    await until(
      () => !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
    )
    appendFileSync(project.path('go'), '')
    const again = await project.sluice('run', 'deaf')
    assert.equal(again.code, 0, again.stdout)
    const { tasks } = await project.json('status', 'latest')
    assert.deepEqual(
      tasks[0].attempts.map((each: { outcome: string }) => each.outcome),
      ['lost'],
    )
  })

  it('serve one attempt each where the task asks for it, else the tasks of a run one after the other', async (test) => {
    const project = testProject(test, {
      'pipelines/pids.ts': `
import { json, pipeline, task } from 'sluice'
import { z } from 'zod'
const Shared = task('Shared', { params: { n: z.number() } }, () => ({ pid: process.pid }))
const Own = task('Own', { params: { n: z.number() }, fresh: 'attempt' }, () => ({ pid: process.pid }))
const All = task('All', { requires: () => ({ shared: [1, 2, 3].map((n) => Shared({ n })), own: [1, 2, 3].map((n) => Own({ n })) }), output: () => json('pids.json') },
  async ({ input, output }) => {
    const pids = async (tasks: readonly { read(): Promise<{ pid: number }> }[]) => (await Promise.all(tasks.map((each) => each.read()))).map((each) => each.pid)
    await output.write({ shared: await pids(input.shared), own: await pids(input.own) })
  })
export const pids = pipeline('pids', All)`,
    })
    assert.equal((await project.sluice('run', 'pids', '--concurrency', '1')).code, 0)
    const { shared, own } = JSON.parse(readFileSync(project.path('data/pids.json'), 'utf8'))
    assert.equal(new Set(shared).size, 1)
    assert.equal(new Set([...own, ...shared]).size, 4)
  })

  it('that serve one attempt start from a snapshot, where it can be kept', async (test) => {
    const project = testProject(test, {
      'pipelines/pieces.ts': `
import { jsonLines, pipeline, task } from 'sluice'
import { z } from 'zod'
const Where = task('Where', { params: { n: z.number() }, fresh: 'attempt', output: ({ n }) => jsonLines('where/' + n) },
  ({ output, params }) => output.write([{ n: z.number().parse(params.n), zod: import.meta.resolve('zod'), self: import.meta.url }]))
const All = task('All', { params: { from: z.number() }, requires: ({ from }) => [Where({ n: from }), Where({ n: from + 1 })] }, () => {})
export const pieces = pipeline('pieces', All)`,
    })
    const where = (n: number) => JSON.parse(readFileSync(project.path(`data/where/${n}`), 'utf8'))
    const cached = await project.start(['run', 'pieces', '--from', '1'], {
      env: { HOME: project.path('home') },
    }).ended
    assert.equal(cached.code, 0, cached.stderr)
    for (const n of [1, 2]) {
      assert.match(where(n).zod, /home\/\.cache\/sluice\/.*\/children\/snapshot-\w{6}\/zod\.mjs$/)
      assert.match(where(n).self, /pipelines\/pieces\.ts$/)
    }
    appendFileSync(project.path('file'), '')
    const homeless = await project.start(['run', 'pieces', '--from', '3'], {
      env: { HOME: project.path('file') },
    }).ended
    assert.equal(homeless.code, 0, homeless.stderr)
    assert.match(where(3).zod, /node_modules\/zod\//)
  })

  it('of two commands on one state share a run, each task once', async (test) => {
    const project = testProject(test, { 'pipelines/slow.ts': SLOW })
    const both = [project.start(['run', 'slow']), project.start(['run', 'slow'])]
    // Who comes after the end of the run opens the next one.
    await until(
      () => both.every((each) => /\brun \S+-1$/im.test(each.stdout())) && starts(project).length >= 4,
    )
    appendFileSync(project.path('go'), '')
    const codes = (await Promise.all(both.map((each) => each.ended))).map((each) => each.code)
    assert.deepEqual(codes, [0, 0])
    assert.deepEqual(starts(project).sort(), ['1', '2', '3', '4', '5', '6'])
    assert.equal((await project.sluice('runs', '--json')).stdout.trim().split('\n').length, 1)
  })

  it('of a cancelled run are stopped', async (test) => {
    const project = testProject(test, { 'pipelines/slow.ts': SLOW })
    const first = project.start(['run', 'slow', '--concurrency', '2'])
    await until(() => starts(project).length >= 4)
    const cancelled = await project.sluice('cancel', 'latest')
    assert.equal(cancelled.code, 0, cancelled.stderr)
    assert.equal((await first.ended).code, 1)
    const { status, counts } = await project.json('status', 'latest')
    assert.equal(status, 'cancelled')
    assert.deepEqual(counts, { cancelled: 5, succeeded: 2 })
    assert.equal((await project.sluice('cancel', 'latest')).code, 2)
  })
})
