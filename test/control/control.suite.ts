import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Control, Follow, RunEvent, Started } from '../../src/control/control.ts'
import { checkedControl } from './checked-control.ts'

/** A control over the pipelines of `pipelines.ts`, on its own state where that is possible. */
export type MakeControl = (test: TestContext) => Promise<Control>

/** What differs by where an implementation runs. */
export interface ControlSuiteOptions {
  /** An execution plans after the answer, so a run is opened also when everything is complete. */
  plansLater?: true
  /** Its table forgets runs by their time to live, and its secrets belong to its stack: it refuses to remove either. */
  keepsAll?: true
  /** Lines reach it late, so a page has those of the last half minute again. */
  repeatsLines?: true
}

type Named<E> = Extract<RunEvent, { event: E }>

/** What every control keeps to, on this machine, over HTTP and in a deployment. */
export function controlSuite(name: string, make: MakeControl, options: ControlSuiteOptions = {}): void {
  let made = 0
  const open = async (test: TestContext) => {
    const control = checkedControl(await make(test))
    return { control, params: { name: `${Date.now()}-${++made}` } }
  }

  describe(`control: ${name}`, () => {
    it('opens a run once, tells what happens in it, and knows when everything is complete', async (test) => {
      const { control, params } = await open(test)
      const request = { name: 'control-whole', params }
      const { run } = requireOpened(await control.start(request))
      assert.deepEqual(await control.start(request), { run, opened: false })
      const events = await follow(control, { runs: [run], counts: true })
      const labels = events.flatMap((each) => (each.event === 'task_ended' ? [each.task] : []))
      assert.equal(labels.length, 4)
      assert.match(labels.at(-1) ?? '', /^ControlWhole/)
      assert.deepEqual(
        events.slice(-2).map(({ event, ...rest }) => [event, 'end' in rest ? rest.end : '']),
        [
          ['run_ended', ''],
          ['end', 'ended'],
        ],
      )
      assert.deepEqual((await control.run({ run })).counts, { succeeded: 4 })
      assert.equal('run' in (await control.start(request)), options.plansLater === true)
    })

    it('gives the tasks of a run in pages, and those that a filter finds', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      const first = await control.tasks({ run, limit: 3 })
      assert.deepEqual(numbersOf(first), [0, 1, 2])
      const second = await control.tasks({ run, limit: 3, cursor: first.next ?? '' })
      assert.deepEqual([numbersOf(second), second.next], [[3], null])
      assert.deepEqual(numbersOf(await control.tasks({ run, task: 'ControlWhole' })), [0])
      assert.deepEqual(numbersOf(await control.tasks({ run, task: '2' })), [2])
      assert.equal((await control.tasks({ run, text: 'part=2' })).tasks.length, 1)
      assert.equal((await control.tasks({ run, statuses: ['failed'] })).tasks.length, 0)
      const [root] = first.tasks
      assert.equal(root?.outputs.length, 1)
      assert.deepEqual((await control.run({ run })).outputs, root?.outputs)
    })

    it('finds runs by pipeline and status, in pages, the newest first', async (test) => {
      const { control, params } = await open(test)
      const runs = [
        await runToEnd(control, 'control-whole', params),
        await runToEnd(control, 'control-whole', { name: `${params.name}-b` }),
      ]
      const query = { pipeline: 'control-whole', statuses: ['succeeded' as const], limit: 1 }
      const first = await control.runs(query)
      assert.equal(first.runs[0]?.run, runs[1])
      const second = await control.runs({ ...query, cursor: first.next ?? '' })
      assert.equal(second.runs[0]?.run, runs[0])
      assert.equal((await control.run({ run: 'latest' })).run, runs[1])
      assert.equal((await control.runs({ ...query, until: 1 })).found, 0)
    })

    it('tells why a run failed, what did not run because of it, and what its attempts wrote', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-below', params)
      assert.deepEqual((await control.run({ run })).counts, { failed: 1, upstream_failed: 1 })
      const { tasks } = await control.tasks({ run, statuses: ['failed'] })
      assert.match(tasks[0]?.failure?.message ?? '', /as it has to/)
      assert.deepEqual(
        tasks[0]?.attempts.map(({ attempt, outcome }) => [attempt, outcome]),
        [
          [1, 'failed'],
          [2, 'failed'],
        ],
      )
      const lines = await readLines(control, { run, task: 'ControlFailing', attempt: 2 }, options)
      assert.match(lines[0] ?? '', /^warn is about to fail/)
      assert.match(lines.at(-1) ?? '', /^error failed: .*as it has to/)
    })

    it('gives lines once, page after page', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      const lines = await readLines(control, { run }, options)
      assert.deepEqual(lines.toSorted(), ['info writes part 1', 'info writes part 2', 'info writes part 3'])
      assert.deepEqual((await readLines(control, { run, limit: 1 }, options)).toSorted(), lines.toSorted())
      await assert.rejects(control.logs({ run, attempt: 7 }), { code: 'unknown_attempt' })
    })

    it('searches lines: text as it is in any case, and levels', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-below', params)
      const find = (query: { text?: string; level?: 'warn' | 'error' }) =>
        readLines(control, { run, task: 'ControlFailing', ...query }, options)
      const about = 'warn is about to fail'
      assert.deepEqual(await find({ text: 'IS About' }), [about, about])
      assert.deepEqual(await find({ text: 'about', level: 'error' }), [])
      const errors = await find({ level: 'error' })
      assert.ok(errors.length >= 2 && errors.every((line) => line.startsWith('error ')), errors.join('\n'))
      assert.equal((await find({ text: 'AS it has to', level: 'warn' })).length >= 2, true)
      for (const text of [
        'about*',
        'is.about',
        '?',
        '-about',
        '{ $.level = * }',
        '" || "',
        '%a%',
        'is  about',
      ])
        assert.deepEqual(await find({ text }), [], text)
      const { lines } = await control.logs({ run, task: 'ControlFailing', attempt: 2, text: 'about' })
      for (const { around, line } of lines) {
        if (around === undefined) continue
        const window = await control.logs({ run, task: 'ControlFailing', attempt: 2, cursor: around })
        assert.equal(window.lines.find((each) => each.line === line)?.text, 'is about to fail')
      }
      await assert.rejects(control.logs({ run, text: 'x'.repeat(1_001) }), { code: 'invalid_usage' })
    })

    it('tells only what happened since an instant', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      assert.ok((await control.changes({ runs: [run], since: 0 })).events.length > 0)
      const year = 365 * 24 * 3_600_000
      assert.deepEqual((await control.changes({ runs: [run], since: Date.now() + year })).events, [])
    })

    it('retries what failed in a next run', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-below', params)
      const again = requireOpened(await control.retry({ run }))
      assert.notEqual(again.run, run)
      await follow(control, { runs: [again.run] })
      assert.equal((await control.run({ run: again.run })).status, 'failed')
    })

    it('stops what runs in an open run that has failed only once that is confirmed', async (test) => {
      const { control, params } = await open(test)
      const { run } = requireOpened(await control.start({ name: 'control-mixed', params }))
      const stop = new AbortController()
      const following = follow(control, { runs: [run], signal: stop.signal })
      const counts = async () => (await control.run({ run })).counts
      for (let now = await counts(); !now.failed || !now.running; now = await counts())
        await new Promise((resolve) => setTimeout(resolve, 50))
      const asked = await control.retry({ run })
      assert.deepEqual([asked], [{ status: 'unconfirmed', affected: 1, all: 3 }])
      assert.equal((await control.run({ run })).status, 'running')
      const next = requireOpened(await control.retry({ run, confirmed: true }))
      assert.equal((await control.run({ run })).status, 'cancelled')
      await following
      assert.notEqual(next.run, run)
      await control.cancel({ run: next.run })
    })

    it('goes on in a next run from a task that is marked after its run has ended', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-below', params)
      const next = requireOpened(await control.mark({ run, task: 'ControlFailing' }))
      await follow(control, { runs: [next.run] })
      assert.equal((await control.run({ run: next.run })).status, 'succeeded')
    })

    it('lists and counts the tasks of a selection, and says what the run does not have', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      const list = async (where: string) => numbersOf(await control.tasks({ run, where }))
      assert.deepEqual(await list('family=ControlPart part>=2'), [2, 3])
      assert.deepEqual(await list('family=*Part part!=2'), [1, 3])
      assert.deepEqual(await list('upstream-of=ControlWhole task!=2'), [1, 3])
      assert.deepEqual(await list('downstream-of=1'), [0])
      assert.deepEqual(await list(`task="ControlPart(name=${params.name},part=1)"`), [1])
      assert.deepEqual(await list('status=failed'), [])
      assert.deepEqual(await list('pipeline=control-below'), [])
      const first = await control.tasks({ run, where: 'part=*', limit: 2 })
      const rest = await control.tasks({ run, where: 'part=*', limit: 2, cursor: first.next ?? '' })
      assert.deepEqual([numbersOf(first), numbersOf(rest), rest.next], [[1, 2], [3], null])
      const { selected, all, counts, families, affected } = await control.selection({ run, where: 'part<3' })
      assert.deepEqual([selected, all, counts], [2, 4, { succeeded: 2 }])
      assert.deepEqual(families, [{ family: 'ControlPart', tasks: 2 }])
      assert.deepEqual(affected, { retry: 0, cancel: 0, mark: 0 })
      const refused = (where: string, message: RegExp, code: string) =>
        assert.rejects(control.selection({ run, where }), { code, message, hint: /./ })
      await refused('family=ControlPrat', /Did you mean ControlPart/, 'unknown_task')
      await refused('upstream-of=ControlHole', /has no task ControlHole/, 'unknown_task')
      await refused('pat=1', /has the parameter pat. Did you mean part/, 'unknown_name')
      await refused('status=falied', /Did you mean failed/, 'invalid_usage')
      await assert.rejects(control.tasks({ run, where: 'part=1', text: 'x' }), { code: 'invalid_usage' })
    })

    it('finds the newest runs of requests by terms about runs', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-below', params)
      const again = requireOpened(await control.retry({ run }))
      await follow(control, { runs: [again.run] })
      const list = async (query: Parameters<typeof control.runs>[0]) =>
        (await control.runs(query)).runs.map((each) => each.run)
      const newest = await list({ where: 'pipeline=control-be*', newest: true })
      assert.ok(newest.includes(again.run) && !newest.includes(run))
      assert.ok(!(await list({ where: 'pipeline!=control-below' })).includes(run))
      assert.deepEqual(await list({ where: 'interval=2001-01-01' }), [])
      await assert.rejects(control.runs({ where: 'status=failed' }), { code: 'invalid_usage' })
    })

    it('runs selected tasks again, in one run of their own that the same request joins', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-below', params)
      const request = { run, where: 'status=failed,upstream_failed' }
      assert.equal((await control.selection(request)).affected.retry, 2)
      await assert.rejects(control.retrySelected({ ...request, atMost: 1 }), {
        code: 'invalid_usage',
        message: /2 tasks would be affected/,
      })
      const next = requireOpened(
        await control.retrySelected({ ...request, where: 'status=failed', atMost: 1 }),
      )
      assert.notEqual(next.run, run)
      await follow(control, { runs: [next.run] })
      assert.deepEqual((await control.run({ run: next.run })).counts, { failed: 1 })
      const after = requireOpened(await control.retry({ run: next.run }))
      await follow(control, { runs: [after.run] })
      assert.deepEqual((await control.run({ run: after.run })).counts, { failed: 1 })
      const marked = await control.mark({ run: after.run, task: 'ControlFailing' })
      assert.equal('opened' in marked, options.plansLater === true, 'nothing of the selection is left')
      await assert.rejects(control.retrySelected({ run, where: 'status=succeeded' }), {
        code: 'invalid_usage',
        message: /no task of run/,
      })
    })

    it('cancels selected tasks of a run that goes on; the same again changes nothing', async (test) => {
      const { control, params } = await open(test)
      const { run } = requireOpened(await control.start({ name: 'control-mixed', params }))
      const following = follow(control, { runs: [run] })
      const counts = async () => (await control.run({ run })).counts
      for (let now = await counts(); !now.failed || !now.running; now = await counts())
        await new Promise((resolve) => setTimeout(resolve, 50))
      const request = { run, where: 'family=ControlEndless' }
      assert.deepEqual(await control.cancelSelected(request), { run, affected: 1, left: 0 })
      await following
      const { status, counts: after } = await control.run({ run })
      assert.deepEqual([status, after], ['failed', { failed: 1, cancelled: 1, upstream_failed: 1 }])
      await assert.rejects(control.cancelSelected(request), {
        code: 'invalid_usage',
        message: /can be cancelled now/,
      })
    })

    it('marks selected tasks, in an open run at once and after its end in the next run', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-below', params)
      const next = requireOpened(
        (await control.markSelected({ run, where: 'family=ControlFailing' })) as Started,
      )
      await follow(control, { runs: [next.run] })
      assert.equal((await control.run({ run: next.run })).status, 'succeeded')
      const waiting = requireOpened(await control.start({ name: 'control-import', params })).run
      assert.equal(endOf(await follow(control, { runs: [waiting], waitMs: 1_500 })), 'waiting')
      const marked = await control.markSelected({ run: waiting, where: 'status=waiting' })
      assert.deepEqual(marked, { run: waiting, affected: 1, left: 0 })
      await assert.rejects(control.markSelected({ run: waiting, where: 'family=ControlDelivery' }), {
        code: 'invalid_usage',
      })
    })

    it('says what waits and why, ends following when nothing can start, and marks what waits', async (test) => {
      const { control, params } = await open(test)
      const { run } = requireOpened(await control.start({ name: 'control-import', params }))
      assert.equal(endOf(await follow(control, { runs: [run], waitMs: 1_500 })), 'waiting')
      const { waits, more } = await control.waits({ run })
      assert.equal(more, 0)
      assert.match(waits[0]?.task ?? '', /^ControlDelivery/)
      const why = await control.why({ run, task: 'ControlDelivery' })
      assert.equal(why.status, 'waiting')
      assert.match(why.reasons[0]?.text ?? '', /its target is not there yet/)
      assert.match((await control.why({ run, task: 'ControlImport' })).reasons[0]?.text ?? '', /upstream/)
      const marked = await control.mark({ run, task: 'ControlDelivery' })
      assert.equal('status' in marked && marked.status, 'succeeded')
    })

    it('cancels a run that waits, and not one that has ended', async (test) => {
      const { control, params } = await open(test)
      const { run } = requireOpened(await control.start({ name: 'control-import', params }))
      assert.deepEqual(await control.cancel({ run }), { run, status: 'cancelled' })
      await assert.rejects(control.cancel({ run }), { code: 'invalid_usage', message: /has ended/ })
    })

    it('stops following, and the run goes on when it is followed again', async (test) => {
      const { control, params } = await open(test)
      const { run } = requireOpened(await control.start({ name: 'control-import', params }))
      assert.equal(endOf(await follow(control, { runs: [run], signal: AbortSignal.timeout(500) })), 'stopped')
      assert.equal((await control.run({ run })).status, 'running')
    })

    it('runs intervals, and knows which are complete', async (test) => {
      const { control, params } = await open(test)
      const query = { pipeline: 'control-days', params, from: '2026-01-01', to: '2026-01-03' }
      const page = await control.intervals({ ...query, limit: 2 })
      assert.equal(page.all, 3)
      const last = await control.intervals({ ...query, limit: 2, cursor: page.next ?? '' })
      const intervals = [...page.intervals, ...last.intervals]
      assert.deepEqual(
        intervals.map(({ start }) => new Date(start).toISOString().slice(0, 10)),
        ['2026-01-01', '2026-01-02', '2026-01-03'],
      )
      const opened: string[] = []
      async function* openRuns() {
        for (const { start, end } of intervals.slice(0, 2)) {
          const started = await control.start({ name: 'control-days', params, interval: { start, end } })
          const { run } = requireOpened(started)
          opened.push(run)
          yield run
        }
      }
      const events = await follow(control, { runs: openRuns(), maxActive: 1 })
      const ended = events.flatMap((each) => (each.event === 'run_ended' ? [each.run] : []))
      assert.deepEqual(ended, opened)
      const after = await control.intervals(query)
      assert.deepEqual(
        after.intervals.map(({ isComplete }) => isComplete),
        [true, true, false],
      )
    })

    it('knows which intervals have an open run, and says what is wrong with a range at its field', async (test) => {
      const { control, params } = await open(test)
      const query = { pipeline: 'control-import', params, from: '2026-01-01', to: '2026-01-03' }
      const openRuns = async () => (await control.intervals(query)).intervals.map(({ openRun }) => openRun)
      assert.deepEqual(await openRuns(), [null, null, null])
      const [interval] = (await control.intervals({ ...query, limit: 1 })).intervals
      assert.ok(interval)
      const { start, end } = interval
      const { run } = requireOpened(
        await control.start({ name: 'control-import', params, interval: { start, end } }),
      )
      // All intervals of this pipeline are one request.
      assert.deepEqual(await openRuns(), [run, run, run])
      await control.cancel({ run })
      assert.deepEqual(await openRuns(), [null, null, null])
      const refuse = (change: object, field: string, says: RegExp) =>
        assert.rejects(control.intervals({ ...query, ...change }), ({ code, params: problems }) => {
          assert.equal(code, 'invalid_usage')
          assert.deepEqual(Object.keys(problems), [field])
          assert.match(problems[field], says)
          return true
        })
      await refuse({ from: '2026-02-30' }, 'from', /no time that exists/)
      await refuse({ from: '2026-01-04' }, 'from', /is after 2026-01-03/)
      await refuse({ to: '2999-01-01' }, 'to', /has not ended yet/)
      await refuse({ atMost: 2 }, 'to', /more than 2 intervals/)
    })

    it('pauses and resumes a schedule', async (test) => {
      const { control } = await open(test)
      const pipeline = 'control-days'
      const isPaused = async () => {
        const { pipelines } = await control.pipelines()
        return pipelines.find((each) => each.name === pipeline)?.schedule?.paused
      }
      await control.resume({ pipeline })
      assert.equal(await isPaused(), false)
      await control.pause({ pipeline })
      assert.equal(await isPaused(), true)
      await assert.rejects(control.pause({ pipeline: 'control-whole' }), { code: 'invalid_usage' })
    })

    it('folds the graph of a run by family, and shows its tasks and what they are connected with', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      const graph = await control.graph({ run })
      const families = graph.families.map(({ family, tasks, counts, ran }) => [family, tasks, counts, ran])
      assert.deepEqual(families, [
        ['ControlWhole', 1, { succeeded: 1 }, 1],
        ['ControlPart', 3, { succeeded: 3 }, 3],
      ])
      assert.deepEqual(graph.edges, [{ from: 1, to: 0, count: 3 }])
      const first = await control.graphTasks({ run, family: 'ControlPart', limit: 2 })
      assert.deepEqual([numbersOf(first), first.all], [[1, 2], 3])
      assert.deepEqual(
        first.outside.map(({ number, side, family, tasks }) => [number, side, family, tasks]),
        [1, 2].map((number) => [number, 'dependent', 'ControlWhole', 1]),
      )
      const rest = await control.graphTasks({
        run,
        family: 'ControlPart',
        limit: 2,
        cursor: first.next ?? '',
      })
      assert.deepEqual([numbersOf(rest), rest.next], [[3], null])
      const whole = await control.graphTasks({ run })
      assert.deepEqual(
        whole.edges,
        [1, 2, 3].map((from) => ({ from, to: 0 })),
      )
      await assert.rejects(control.graphTasks({ run, family: 'ControlHole' }), { code: 'unknown_task' })
      await assert.rejects(control.graphTasks({ run, cursor: 'x' }), { code: 'invalid_usage' })
    })

    it('shows the nearest of what a task needs and of what needs it, and counts the rest', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      const cone = await control.cone({ run, task: 'ControlWhole', limit: 2 })
      assert.deepEqual([cone.number, numbersOf(cone), cone.upstreams, cone.dependents], [0, [0, 1, 2], 3, 0])
      assert.deepEqual(cone.cut, [{ side: 'upstream', family: 'ControlPart', tasks: 1 }])
      const below = await control.cone({ run, task: '2' })
      assert.deepEqual([numbersOf(below), below.edges], [[2, 0], [{ from: 2, to: 0 }]])
      await assert.rejects(control.cone({ run, task: 'ControlPart' }), { code: 'unknown_task' })
    })

    it('gives the history of a pipeline, the newest run first', async (test) => {
      const { control, params } = await open(test)
      const runs = [
        await runToEnd(control, 'control-whole', params),
        await runToEnd(control, 'control-whole', { name: `${params.name}-b` }),
      ]
      const query = { pipeline: 'control-whole', limit: 1 }
      const first = await control.history(query)
      assert.deepEqual(
        first.runs.map(({ run, families }) => [run, families.map(({ family, counts }) => [family, counts])]),
        [
          [
            runs[1],
            [
              ['ControlWhole', { succeeded: 1 }],
              ['ControlPart', { succeeded: 3 }],
            ],
          ],
        ],
      )
      const rest = await control.history({ ...query, cursor: first.next ?? '' })
      assert.equal(rest.runs[0]?.run, runs[0])
      assert.deepEqual((await control.history({ pipeline: 'control-hole' })).runs, [])
    })

    it('shows what ran within a span of time, in windows', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      const { startedAt, endedAt, ...all } = await control.timeline({ run })
      assert.ok(startedAt !== null && endedAt !== null && startedAt <= endedAt)
      assert.deepEqual([all.found, all.tasks.at(-1)?.family, all.next], [4, 'ControlWhole', null])
      assert.ok(Math.max(...all.load.running) >= 1)
      const first = await control.timeline({ run, limit: 3 })
      const rest = await control.timeline({ run, limit: 3, cursor: first.next ?? '' })
      assert.deepEqual([...numbersOf(first), ...numbersOf(rest)], numbersOf(all))
      assert.equal((await control.timeline({ run, family: 'ControlWhole' })).found, 1)
      assert.equal((await control.timeline({ run, to: startedAt - 1 })).found, 0)
      await assert.rejects(control.timeline({ run, cursor: 'x' }), { code: 'invalid_usage' })
    })

    it('shows budgets, pools and resources', async (test) => {
      const { control } = await open(test)
      assert.ok(Array.isArray(await control.budgets()))
      assert.ok((await control.pools()).pools.some(({ pool }) => pool === 'default'))
      const use = await control.limitUse({ of: 'pool', name: 'default' })
      assert.deepEqual([use.name, use.moreHolders], ['default', 0])
      await assert.rejects(control.limitUse({ of: 'budget', name: 'none' }), { code: 'unknown_name' })
    })

    it('says what was wrong, and the next step', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      const wrong = (message: RegExp, code: string) => ({ name: 'SluiceError', code, message, hint: /./ })
      await assert.rejects(control.run({ run: 'nothing' }), wrong(/No run is called nothing/, 'unknown_run'))
      await assert.rejects(
        control.tasks({ run, task: 'ControlHole' }),
        wrong(/has no task ControlHole. Did you mean ControlWhole/, 'unknown_task'),
      )
      await assert.rejects(
        control.why({ run, task: 'ControlPart' }),
        wrong(/3 tasks are called/, 'unknown_task'),
      )
      await assert.rejects(control.runs({ cursor: 'x' }), wrong(/no cursor/, 'invalid_usage'))
      await assert.rejects(
        control.start({ name: 'control-hole' }),
        wrong(/No pipeline or task is called control-hole/, 'unknown_name'),
      )
      await assert.rejects(control.start({ name: 'control-whole' }), {
        code: 'invalid_parameter',
        params: { name: 'is required' },
      })
      await assert.rejects(
        control.start({ name: 'control-whole', params: { name: 'a' }, texts: { name: 'b' } }),
        wrong(/The parameter name is in params and in texts/, 'invalid_parameter'),
      )
      await assert.rejects(
        control.start({ name: 'control-whole', texts: { nam: 'b' } }),
        wrong(/No parameter is called nam. Did you mean name/, 'unknown_parameter'),
      )
      const more = { run, more: 1 } as { run: string }
      await assert.rejects(control.run(more), { code: 'invalid_usage' })
    })

    it('shows what would run and what is complete', async (test) => {
      const { control, params } = await open(test)
      const request = { name: 'control-whole', params }
      assert.deepEqual(
        (await control.plan(request)).tasks.map(({ verdict }) => verdict),
        ['run', 'run', 'run', 'run'],
      )
      await runToEnd(control, request.name, params)
      assert.deepEqual(
        (await control.plan(request)).tasks.map(({ verdict }) => verdict),
        ['complete'],
      )
      const forced = await control.plan({ ...request, force: true })
      assert.match(forced.tasks[0]?.reason ?? '', /^forced, made again/)
    })

    if (options.keepsAll) {
      it('refuses to forget runs and secrets', async (test) => {
        const { control } = await open(test)
        await assert.rejects(control.prune({ olderThanMs: 0 }), {
          code: 'invalid_usage',
          message: /by itself/,
        })
        await assert.rejects(control.removeSecret({ name: 'control/key' }), { code: 'invalid_usage' })
      })
      return
    }

    it('forgets runs once it is confirmed that these are most of all', async (test) => {
      const { control, params } = await open(test)
      const run = await runToEnd(control, 'control-whole', params)
      await new Promise((resolve) => setTimeout(resolve, 5))
      const asked = await control.prune({ olderThanMs: 0 })
      assert.deepEqual(asked, { status: 'unconfirmed', affected: 1, all: 1 })
      const pruned = await control.prune({ olderThanMs: 0, confirmed: true })
      assert.deepEqual('pruned' in pruned && pruned.pruned, [run])
      assert.equal((await control.runs()).all, 0)
    })

    it('keeps, lists and forgets secrets, and never shows their values', async (test) => {
      const { control } = await open(test)
      await control.setSecret({ name: 'control/key', value: 'hidden' })
      assert.doesNotMatch(JSON.stringify(await control.secrets()), /hidden/)
      assert.deepEqual(
        (await control.secrets()).map(({ name }) => name),
        ['control/key'],
      )
      await control.removeSecret({ name: 'control/key' })
      await assert.rejects(control.removeSecret({ name: 'control/key' }), { code: 'unknown_secret' })
      await assert.rejects(control.setSecret({ name: 'a b', value: 'x' }), { code: 'invalid_usage' })
    })
  })
}

const numbersOf = ({ tasks }: { tasks: { number: number }[] }) => tasks.map(({ number }) => number)

function requireOpened(started: Started | { status: string }): { run: string } {
  if ('run' in started && 'opened' in started) return started
  throw new Error(`no run was opened: ${JSON.stringify(started)}`)
}

async function follow(control: Control, query: Follow): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of control.follow(query)) events.push(event)
  return events
}

const endOf = (events: RunEvent[]) => (events.at(-1) as Named<'end'>).end

async function runToEnd(control: Control, name: string, params: { name: string }): Promise<string> {
  const { run } = requireOpened(await control.start({ name, params }))
  assert.equal(endOf(await follow(control, { runs: [run] })), 'ended')
  return run
}

/** Every line of a run that has ended, once, as level and text; none may come twice, unless pages repeat lines. */
async function readLines(
  control: Control,
  query: Parameters<Control['logs']>[0],
  { repeatsLines }: ControlSuiteOptions,
): Promise<string[]> {
  const seen = new Set<string>()
  const texts: string[] = []
  for (let page = await control.logs(query); ; page = await control.logs({ ...query, cursor: page.next })) {
    const lines = page.lines.filter((line) => !seen.has(JSON.stringify(line)))
    for (const line of lines) seen.add(JSON.stringify(line))
    if (repeatsLines !== true) assert.equal(lines.length, page.lines.length, 'a line came twice')
    texts.push(...lines.map(({ level, text }) => `${level} ${text}`))
    if (!page.isMore && lines.length === 0) return texts
  }
}
