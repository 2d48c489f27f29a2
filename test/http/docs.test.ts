import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { testProject } from '../support/cli.ts'
import { blocksOf } from '../support/doc-blocks.ts'

const run = promisify(execFile)
const PIPELINE = `
import { pipeline, task, text } from 'sluice'
export const one = pipeline('one', task('One', { output: () => text('one.txt') }, ({ output }) => output.write('1')))`

describe('docs/api.md', () => {
  it('has examples that work with sluice dev', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': PIPELINE })
    const dev = project.start(['dev', '--port', '0', '--inline'])
    for (let tries = 0; !/\/v1\/runs/.test(dev.stdout()) && tries < 300; tries++) await sleep(100)
    const url = /http:\/\/[^/]+/.exec(dev.stdout())?.[0] ?? ''
    const token = readFileSync(project.path('.sluice/api-token'), 'utf8').trim()
    assert.equal(statSync(project.path('.sluice/api-token')).mode & 0o777, 0o600)
    const answers: string[] = []
    const examples = blocksOf('docs/api.md').map(({ text }) => text)
    for (const example of examples.filter((each) => each.startsWith('curl'))) {
      const id = /"run":"([^"]+)"/.exec(answers[0] ?? '')?.[1] ?? ''
      const command = example.replace('http://127.0.0.1:8080', url)
      const env = { ...process.env, TOKEN: token, RUN: id }
      answers.push((await run('bash', ['-c', command], { env, timeout: 60_000 })).stdout)
    }
    const [started = '', events = '', shown = '', tasks = '', lines = ''] = answers
    assert.match(started, /"opened":true/)
    assert.match(events, /event: end\n/)
    assert.equal(JSON.parse(shown).status, 'succeeded')
    assert.equal(JSON.parse(tasks).tasks.length, 1)
    assert.equal(JSON.parse(lines).isOpen, false)
    assert.equal((await fetch(`${url}/v1/runs`)).status, 401)
    dev.child.kill('SIGINT')
    assert.equal((await dev.ended).code, 0)
  })
})
