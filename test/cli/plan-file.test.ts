import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'
import { projectFolder } from '../support/folders.ts'
import { type WorkflowTask, workflowPlan } from '../support/workflow-plan.ts'

const data = join(projectFolder, '../shared/data/workflows')
const workflows = globSync(join(data, '*.json')).sort()
if (!existsSync(data)) console.log('skipped: real workflows, because ../shared/data is not here')
const lines = (...each: object[]) => each.map((line) => JSON.stringify(line)).join('\n')
const HEADER = { plan: 1, pipeline: 'demo' }
const sh = (script: string) => ['sh', '-c', script]

/** What the noted starts and ends tell. */
function replay(events: string[], tasks: WorkflowTask[]) {
  const upstreams = new Map(tasks.map(({ task, requires }) => [task, requires]))
  const done = new Set<string>()
  const early: string[] = []
  let running = 0
  let most = 0
  for (const [what, task = ''] of events.map((event) => event.split(' '))) {
    running += what === 'start' ? 1 : -1
    most = Math.max(most, running)
    if (what === 'end') done.add(task)
    else if (!(upstreams.get(task) ?? []).every((upstream) => done.has(upstream))) early.push(task)
  }
  return { done, most, early }
}

describe('a real workflow as a plan', () => {
  it('there are five', { skip: !existsSync(data) }, () => assert.equal(workflows.length, 5))

  for (const path of workflows)
    it(`${basename(path)}: every task once, after its upstreams, three at once at most`, async (test) => {
      const { tasks, plan } = workflowPlan(path)
      const project = testProject(test, { 'plan.jsonl': plan })
      const ended = await project.sluice('run', '--plan', 'plan.jsonl', '--concurrency', '3')
      assert.equal(ended.code, 0, ended.stdout + ended.stderr)
      const events = readFileSync(project.path('log'), 'utf8').trim().split('\n')
      const { done, most, early } = replay(events, tasks)
      assert.deepEqual(early, [], 'started before their upstreams had ended')
      assert.equal(events.length, 2 * tasks.length)
      assert.equal(done.size, tasks.length)
      assert.ok(most <= 3, `${most} at once`)
      assert.equal(globSync('data/out/*.txt', { cwd: project.folder }).length, tasks.length)
    })
})

describe('a command of a plan', () => {
  it('knows its run, task, attempt and output; 75 asks for a free retry, another code uses one up', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': lines(
        HEADER,
        {
          task: 'told',
          command: sh('echo "$SLUICE_RUN $SLUICE_TASK $SLUICE_ATTEMPT $NAME" > "$SLUICE_OUTPUT"'),
          env: { NAME: 'n' },
          output: 'told.txt',
        },
        { task: 'later', command: sh('test $SLUICE_ATTEMPT = 3 || exit 75') },
        {
          task: 'again',
          command: sh('test $SLUICE_ATTEMPT = 2 || exit 3'),
          retry: { attempts: 2, delaySeconds: 0.1 },
        },
        { task: 'itself', command: sh('echo x > data/itself.txt'), output: 'itself.txt' },
        { task: 'never', command: sh('exit 4') },
        { task: 'nothing', command: ['true'], output: 'nothing.txt' },
        { task: 'after', requires: ['never'], command: ['true'] },
        { task: 'absent', command: ['no-such-program'] },
      ),
    })
    const ended = await project.json('run', '--plan', 'plan.jsonl')
    const status = await project.json('status', 'latest')
    const of = (task: string) => status.tasks.find((each: { task: string }) => each.task === task)
    assert.equal(ended.status, 'failed')
    assert.match(readFileSync(project.path('data/told.txt'), 'utf8'), /^demo-[0-9a-f]{16}-1 told 1 n$/m)
    assert.deepEqual([of('later').status, of('later').counts], ['succeeded', { throttled: 2 }])
    assert.deepEqual([of('again').status, of('again').counts], ['succeeded', { failed: 1 }])
    assert.equal(of('itself').status, 'succeeded')
    assert.match(of('never').failure.message, /sh exited with code 4/)
    assert.match(of('nothing').failure.message, /ended well but its output is missing/)
    assert.equal(of('after').status, 'upstream_failed')
    assert.equal(of('absent').status, 'failed')
  })

  it('that exits 78 goes on once what it wrote to SLUICE_REQUIRES is complete', async (test) => {
    const yielded = lines(
      { task: 'x', command: sh('echo x > "$SLUICE_OUTPUT"'), output: 'x.txt', requires: ['y'] },
      { task: 'y', command: sh('echo y > "$SLUICE_OUTPUT"'), output: 'y.txt' },
    )
    const project = testProject(test, {
      yielded,
      'plan.jsonl': lines(HEADER, {
        task: 'root',
        command: sh(
          'test -e data/x.txt || { cat yielded > "$SLUICE_REQUIRES"; exit 78; }; cat data/*.txt > "$SLUICE_OUTPUT"',
        ),
        output: 'root.out',
      }),
    })
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
    assert.equal(readFileSync(project.path('data/root.out'), 'utf8'), 'x\ny\n')
  })

  it('that yields what is there already, or is said to be, does not run it again', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { appendFileSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
const Part = task('Part', { output: () => text('part.txt') }, async ({ output }) => { appendFileSync('ran', 'part\\n'); await output.write('p') })
export const p = pipeline('p', Part)`,
      yielded: lines(
        { task: 'part', family: 'Part' },
        { task: 'said', command: sh('echo said >> ran'), complete: true },
      ),
      'plan.jsonl': lines(HEADER, {
        task: 'root',
        command: sh('test $SLUICE_ATTEMPT = 2 || { cat yielded > "$SLUICE_REQUIRES"; exit 78; }'),
      }),
    })
    assert.equal((await project.sluice('run', 'p')).code, 0)
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
    assert.equal(readFileSync(project.path('ran'), 'utf8'), 'part\n')
  })

  it('that uses too much memory is stopped and tried again with more; its peak is sampled', async (test) => {
    const eat = 'b = bytearray(80 * 1024 * 1024); import time; time.sleep(1.5)'
    const project = testProject(test, {
      'plan.jsonl': lines(HEADER, {
        task: 'eats',
        command: ['python3', '-c', eat],
        memoryMb: 50,
        retry: { attempts: 3, delaySeconds: 0 },
      }),
    })
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
    const [task] = (await project.json('status', 'latest')).tasks
    assert.deepEqual([task.attempt, task.counts, task.memoryMb], [2, { out_of_memory: 1 }, 100])
    assert.ok(task.peakMemoryBytes > 80e6 && task.peakMemoryBytes < 120e6, String(task.peakMemoryBytes))
  })

  it('may not yield a task that holds one of its secrets', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': lines(HEADER, {
        task: 'root',
        command: sh(
          `printf '{"task":"x","command":["curl","-u","%s"]}' "$KEY" > "$SLUICE_REQUIRES"; exit 78`,
        ),
        secrets: { KEY: 'some/key' },
      }),
    })
    const env = { SLUICE_SECRET_SOME_KEY: 'open-sesame' }
    const ended = await project.start(['run', '--plan', 'plan.jsonl'], { env }).ended
    assert.equal(ended.code, 1)
    assert.match(ended.stdout, /what it yielded cannot be used: it holds the secret `KEY`/)
    assert.doesNotMatch(ended.stdout, /sesame/)
  })

  it('gets secrets by name, which show up nowhere', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': lines(HEADER, {
        task: 't',
        command: sh('echo "key $KEY"'),
        secrets: { KEY: 'some/key' },
      }),
    })
    const env = { SLUICE_SECRET_SOME_KEY: 'open-sesame' }
    assert.equal((await project.start(['run', '--plan', 'plan.jsonl'], { env }).ended).code, 0)
    assert.match((await project.sluice('logs', 'latest')).stdout, /key \*\*\*/)
  })

  it('ends with its worker, and so does what it has started', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': lines(HEADER, { task: 't', command: sh('sleep 60 & echo $! > pid; wait') }),
    })
    const started = project.start(['run', '--plan', 'plan.jsonl'])
    while (!existsSync(project.path('pid')) || readFileSync(project.path('pid'), 'utf8') === '')
      await new Promise((resolve) => setTimeout(resolve, 50))
    started.child.kill('SIGKILL')
    await started.ended
    const pid = readFileSync(project.path('pid'), 'utf8').trim()
    for (let tries = 0; tries < 50 && existsSync(`/proc/${pid}`); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(existsSync(`/proc/${pid}`), false)
  })
})

describe('a plan', () => {
  it('is refused with the lines and ids of everything that is wrong, before anything runs', async (test) => {
    const project = testProject(test, {})
    const refused = async (text: string, ...says: RegExp[]) => {
      const { code, stderr } = await project.start(['run', '--plan', '-'], { input: text }).ended
      assert.equal(code, 2, stderr)
      for (const each of says) assert.match(stderr, each)
    }
    const ok = { command: ['true'] }
    await refused('', /it is empty/)
    await refused(lines({ plan: 2, pipeline: 'p' }, { task: 'a', ...ok }), /line 1: plan: /)
    await refused(lines(HEADER), /it has no task/)
    await refused(`${lines(HEADER, { task: 'a', ...ok })}\n{oops`, /line 3 is not JSON/)
    await refused(
      lines(HEADER, { task: 'a', ...ok, colour: 'red' }),
      /line 2 \(a\): there is no field colour/,
    )
    await refused(
      lines(HEADER, { task: 'a', ...ok }, { task: 'a', ...ok }),
      /lines 2 and 3 have the same id a/,
    )
    await refused(
      lines(HEADER, { task: 'a', ...ok, requires: ['b'] }),
      /line 2 \(a\) requires b, which is not in the plan/,
    )
    await refused(lines({ ...HEADER, root: 'z' }, { task: 'a', ...ok }), /the root z is not in the plan/)
    await refused(
      lines(
        HEADER,
        { task: 'a', ...ok, requires: ['c'] },
        { task: 'b', ...ok, requires: ['a'] },
        { task: 'c', ...ok, requires: ['b'] },
      ),
      /require each other: a \(line 2\) → c \(line 4\) → b \(line 3\) → a \(line 2\)/,
    )
    await refused(
      lines(HEADER, { task: 'a', ...ok, output: 'o' }, { task: 'b', ...ok, output: './o' }),
      /lines 2 \(a\) and 3 \(b\) have the same output file:/,
    )
    await refused(
      lines(
        HEADER,
        { task: 'a', ...ok, pool: 'p' },
        { task: 'b', ...ok, resources: { r: 1 } },
        { task: 'c', ...ok, budgets: { g: 1 } },
        { task: 'd', family: 'F' },
      ),
      /line 2 \(a\): there is no pool p/,
      /line 3 \(b\): there is no resource r/,
      /line 4 \(c\): there is no budget g/,
      /line 5 \(d\): the config defines no family F/,
    )
    await refused(lines(HEADER, { task: 'a', ...ok, image: '--privileged' }), /no reference of an image/)
    await refused(lines(HEADER, { task: 'a', ...ok, output: 's3://b/k' }), /s3:\/\/b\/k cannot be reached/)
    await refused(lines(HEADER, { task: 'a' }), /it needs a command, or a family/)
    assert.equal(existsSync(project.path('.sluice/logs')), false)
  })

  it('goes on after a failure with the same command, and with retry; only what is missing runs', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': lines(
        HEADER,
        { task: 'a', command: sh('echo a >> ran') },
        { task: 'b', requires: ['a'], command: sh('echo b >> ran; test -e good'), output: 'b.txt' },
      ),
    })
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 1)
    assert.equal((await project.sluice('retry', 'latest')).code, 1)
    project.write('good', '')
    project.write('data/b.txt', '')
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
    const { stdout } = await project.sluice('run', '--plan', 'plan.jsonl')
    assert.match(stdout, /Nothing to do: the plan demo is complete/)
    assert.equal(readFileSync(project.path('ran'), 'utf8'), 'a\nb\nb\nb\n')
  })

  it('needs only what leads to its root', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': lines(
        { ...HEADER, root: 'b' },
        { task: 'a', command: sh('echo a >> ran') },
        { task: 'b', requires: ['a'], command: sh('echo b >> ran') },
        { task: 'c', requires: ['b'], command: sh('echo c >> ran') },
      ),
    })
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
    assert.equal(readFileSync(project.path('ran'), 'utf8'), 'a\nb\n')
  })

  it('that sluice plan prints runs like the pipeline itself', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { json, pipeline, task } from 'sluice'
import { z } from 'zod'
const Part = task('Part', { params: { n: z.number() }, output: ({ n }) => json<number>(\`part/\${n}.json\`) }, async ({ params, output }) => output.write(params.n))
const Note = task('Note', {}, () => ({ note: 7 }))
const Sum = task('Sum', { requires: () => ({ parts: [Part({ n: 1 }), Part({ n: 2 })], note: Note() }), output: () => json<number>('sum.json') }, async ({ input, output }) => {
  const parts = await Promise.all(input.parts.map((part) => part.read()))
  await output.write(parts.reduce((a, b) => a + b, 0) + (await input.note.read()).note)
})
export const p = pipeline('p', Sum)`,
    })
    const { stdout } = await project.sluice('plan', 'p', '--json')
    assert.equal((await project.start(['run', '--plan', '-'], { input: stdout }).ended).code, 0)
    assert.equal(JSON.parse(readFileSync(project.path('data/sum.json'), 'utf8')), 10)
  })
})

describe('a plan that a project printed', () => {
  it('runs the same tasks with parameters that are not parsed a second time', async (test) => {
    const project = testProject(test, {
      'pipelines/pay.ts': `import { json, pipeline, task } from 'sluice'
import { z } from 'zod'
const cents = z.coerce.number().transform((amount) => Math.round(amount * 100))
const at = z.coerce.date().transform((date) => date.toISOString().slice(0, 10))
const Fetch = task('Fetch', { params: { cents: z.number() }, output: ({ cents }) => json<number>('fetch/' + cents + '.json') },
  async ({ params, output }) => output.write(params.cents))
const Pay = task('Pay', { params: { amount: cents, at }, requires: ({ amount }) => Fetch({ cents: amount }),
  output: ({ amount, at }) => json<number>('pay/' + amount + '-' + at + '.json') },
  async ({ input, output }) => output.write(await input.read()))
export const pay = pipeline('pay', Pay)`,
    })
    const args = ['pay', '--amount', '12.5', '--at', '2026-01-31T10:00:00Z']
    const printed = await project.sluice('plan', ...args, '--json')
    assert.equal(printed.code, 0, printed.stderr)
    project.write('plan.jsonl', `\ufeff${printed.stdout}`)
    const ran = await project.sluice('run', '--plan', 'plan.jsonl')
    assert.equal(ran.code, 0, ran.stdout + ran.stderr)
    assert.deepEqual(globSync('data/*/*.json', { cwd: project.folder }).sort(), [
      'data/fetch/1250.json',
      'data/pay/1250-2026-01-31.json',
    ])
    // The same tasks: nothing is left for the pipeline itself.
    assert.match((await project.sluice('run', ...args)).stdout, /Nothing to do/)
  })
})

describe('a plan from elsewhere that is hostile', () => {
  it('writes nothing outside the storage, unless it says where', async (test) => {
    const project = testProject(test, {})
    const run = (output: string) => {
      const task = { task: 't', command: sh('echo x > "$SLUICE_OUTPUT"'), output }
      project.write('plan.jsonl', lines(HEADER, task))
      return project.sluice('run', '--plan', 'plan.jsonl')
    }
    for (const output of ['../../x', '..', 'a/../../x', 'x\u0000']) {
      const ended = await run(output)
      assert.equal(ended.code, 2, output)
      assert.match(ended.stderr, /line 2 \(t\): the output .* (leads out of the storage|contains a NUL)/)
    }
    assert.equal((await run('a/../b..c')).code, 0)
    assert.ok(existsSync(project.path('data/b..c')))
    assert.equal((await run(project.path('elsewhere'))).code, 0)
    assert.ok(existsSync(project.path('elsewhere')))
  })

  it('does not steer the terminal', async (test) => {
    const evil = 'a\u001b[2Jb\nc\u202e'
    const project = testProject(test, {
      'plan.jsonl': lines(
        HEADER,
        { task: evil, family: evil, command: sh('exit 3') },
        { task: 'ok', command: sh('true'), requires: [evil] },
      ),
      'wrong.jsonl': lines(HEADER, { task: evil, command: sh('true'), requires: [`${evil}!`], pool: evil }),
    })
    const shown = [
      await project.sluice('run', '--plan', 'plan.jsonl'),
      await project.sluice('status', 'latest'),
      await project.sluice('logs', 'latest'),
      await project.sluice('status', 'latest', '--task', 'none'),
      await project.sluice('run', '--plan', 'wrong.jsonl'),
    ]
    for (const { stdout, stderr } of shown)
      for (const steering of ['\u001b', '\u202e', 'b\nc'])
        assert.ok(!(stdout + stderr).includes(steering), stdout)
    assert.match(shown[0]?.stdout ?? '', /a\\u001b\[2Jb\\u000ac\\u202e/)
    assert.match(shown[4]?.stderr ?? '', /a\\u001b\[2Jb\\u000ac/)
  })
})
