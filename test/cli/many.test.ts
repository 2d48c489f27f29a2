import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

/** More than a call takes as its arguments. */
const MANY = 130_000

describe('very many', () => {
  it('wrong lines of a plan are told, the first of them', async (test) => {
    const lines = Array.from(
      { length: MANY },
      (_, n) => `{"task":"t${n}","command":["true"],"requires":["none"]}`,
    )
    const project = testProject(test, { 'plan.jsonl': `{"plan":1,"pipeline":"p"}\n${lines.join('\n')}` })
    const ended = await project.sluice('run', '--plan', 'plan.jsonl')
    assert.equal(ended.code, 2)
    assert.match(ended.stderr, /line 2 \(t0\) requires none, which is not in the plan/)
    assert.match(ended.stderr, new RegExp(`and ${MANY - 20} more`))
  })

  it('lines of a log are printed, and the last of them alone', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': '{"plan":1,"pipeline":"p"}\n{"task":"t","command":["true"]}',
    })
    await project.sluice('run', '--plan', 'plan.jsonl')
    const [{ run }] = [await project.json('status', 'latest')]
    const texts = Array.from({ length: MANY }, (_, n) =>
      JSON.stringify({ at: n, level: 'info', text: `line ${n}` }),
    )
    mkdirSync(project.path('.sluice/logs', run), { recursive: true })
    writeFileSync(project.path('.sluice/logs', run, '1.1.jsonl'), `${texts.join('\n')}\n`)
    const ended = await project.sluice('logs', 'latest', '--tail', '1')
    assert.equal(ended.code, 0, ended.stderr)
    assert.match(ended.stdout, new RegExp(`line ${MANY - 1}`))
  })
})
