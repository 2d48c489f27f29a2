import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { removeAbandonedNotes } from '../../src/runners/command/attempt-notes.ts'
import { testProject } from '../support/cli.ts'

const sh = (script: string) => ['sh', '-c', script]
const planOf = (...tasks: object[]) =>
  [{ plan: 1, pipeline: 'demo' }, ...tasks].map((line) => JSON.stringify(line)).join('\n')

describe('a command of a plan', () => {
  it('finds its parameters, what an earlier attempt has kept and its trace, and tells what it does', async (test) => {
    const told = '{"checkpoint": {"page": 3}}\\n{"progress": {"done": 1, "total": 2, "text": "half"}}'
    const project = testProject(test, {
      'plan.jsonl': planOf({
        task: 'notes',
        params: { day: '2026-05-17', deep: { n: [1] } },
        retry: { attempts: 2, delaySeconds: 0 },
        command: sh(
          `cat "$SLUICE_PARAMS"; echo; echo "$TRACEPARENT"; if [ $SLUICE_ATTEMPT = 1 ]; then printf '${told}' >> "$SLUICE_EVENTS"; exit 3; fi; cat "$SLUICE_CHECKPOINT"; echo '{"result": {"rows": 7}}' >> "$SLUICE_EVENTS"`,
        ),
      }),
    })
    const ended = await project.sluice('run', '--plan', 'plan.jsonl')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    const { stdout } = await project.sluice('logs', 'latest')
    assert.equal(stdout.match(/\{"day":"2026-05-17","deep":\{"n":\[1\]\}\}/g)?.length, 2)
    assert.match(stdout, /\{"page":3\}/)
    assert.equal(new Set(stdout.match(/00-[0-9a-f]{32}/g)).size, 1, 'a run is one trace')
    assert.equal(new Set(stdout.match(/-[0-9a-f]{16}-01/g)).size, 2, 'an attempt is a span')
    const { tasks } = await project.json('status', 'latest')
    assert.deepEqual(tasks[0].result, { rows: 7 })
    assert.deepEqual(readdirSync(project.path('.sluice/attempts')), [])
  })

  it('may make folders in the place of the files by which it talks with Sluice', async (test) => {
    const script =
      'mkdir -p "$SLUICE_EVENTS/a" "$SLUICE_REQUIRES/b"; rm "$SLUICE_PARAMS"; mkdir "$SLUICE_PARAMS"'
    const project = testProject(test, { 'plan.jsonl': planOf({ task: 'hostile', command: sh(script) }) })
    const ended = await project.sluice('run', '--plan', 'plan.jsonl')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.deepEqual(readdirSync(project.path('.sluice/attempts')), [])
  })

  it('whose engine was killed leaves files that go with its task run', async (test) => {
    const killEngine = 'kill -9 $(sed -n "s/^PPid:\\\\t*//p" /proc/$PPID/status); sleep 5'
    const project = testProject(test, {
      'plan.jsonl': planOf({ task: 'dies', command: sh(`test $SLUICE_ATTEMPT = 2 || { ${killEngine}; }`) }),
    })
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, null, 'it was killed')
    const left = () => readdirSync(project.path('.sluice/attempts'))
    assert.equal(left().length, 1)
    const [run] = await project.jsonLines('runs')
    const open: [string, number][] = []
    const look = (isOpen: boolean) =>
      removeAbandonedNotes(project.path('.sluice'), async (...which) => {
        open.push(which)
        return isOpen
      })
    await look(true)
    assert.deepEqual(open, [[run.run, 1]])
    assert.equal(left().length, 1)
    await look(false)
    assert.deepEqual(left(), [])
    await removeAbandonedNotes(project.path('nowhere'), async () => false)
  })
})

describe('the local command of a job', () => {
  it('finds the same, and what an engine that was killed left beside its output goes with the next attempt', async (test) => {
    const project = testProject(test, {
      'pipelines/job.ts': `import { emrServerless, folder, pipeline } from 'sluice'
import { z } from 'zod'
const Job = emrServerless('Job', { params: { n: z.number() }, application: '00fkht2eodujab09', job: () => ({ script: 'job.py' }), output: ({ n }) => folder('made/' + n), retry: { attempts: 1 },
  local: ({ output }) => ['sh', '-c', 'cp "$SLUICE_PARAMS" "$0/params"; echo x >> "$SLUICE_EVENTS"; test -e go || { kill -9 $(sed -n "s/^PPid:\\\\t*//p" /proc/$PPID/status); sleep 5; }', output.path] })
export const job = pipeline('job', Job)`,
    })
    assert.equal((await project.sluice('run', 'job', '--n', '4')).code, null, 'it was killed')
    assert.match(readdirSync(project.path('data/made')).join(), /^\.4\..*\.tmp$/)
    project.write('go', '')
    const ended = await project.sluice('run', 'job', '--n', '4')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.deepEqual(readdirSync(project.path('data/made')), ['4'])
    assert.equal(readFileSync(project.path('data/made/4/params'), 'utf8'), '{"n":4}')
    assert.ok(!existsSync(project.path('data/made/4/events.jsonl')))
    assert.match(
      (await project.sluice('logs', 'latest')).stdout,
      /of SLUICE_EVENTS was left out: it is no JSON/,
    )
  })
})
