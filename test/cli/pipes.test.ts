import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { type TestProject, testProject } from '../support/cli.ts'
import { projectFolder } from '../support/folders.ts'

const CHATTY = `
import { existsSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Part = task('Part', { params: { n: z.number() }, output: ({ n }) => text(\`\${n}.txt\`) },
  async ({ output, log, params }) => { for (let line = 0; line < 200; line++) log.info(\`line \${line} of \${params.n}\`); await output.write('x') })
const All = task('All', { requires: () => Array.from({ length: 30 }, (_, n) => Part({ n })), retry: { attempts: 1 }, output: () => text('all.txt') },
  async ({ output }) => { if (existsSync('wrong')) throw new Error('no'); await output.write('x') })
export const chatty = pipeline('chatty', All)`

/** Gives a line to bash, in which S is the command; returns the exit codes of the pipe's parts. */
async function piped({ folder }: TestProject, line: string): Promise<{ codes: string; output: string }> {
  const env = { ...process.env, S: `${projectFolder}/bin/sluice.js`, NODE: process.execPath }
  const script = `S() { "$NODE" "$S" "$@"; }; ${line}; echo "codes: \${PIPESTATUS[*]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], { cwd: folder, env })
  return { codes: /codes: (.*)/.exec(stdout)?.[1] ?? '', output: stdout + stderr }
}

describe('output that is not read to its end', () => {
  it('does not stop a run, whose exit code is its own', async (test) => {
    const project = testProject(test, { 'pipelines/chatty.ts': CHATTY })
    assert.equal((await piped(project, 'S run chatty --inline | head -1')).codes, '0 0')
    assert.equal(readFileSync(project.path('data/all.txt'), 'utf8'), 'x')
    assert.equal((await project.json('runs')).status, 'succeeded')
  })

  it('leaves the exit code of a failed run at 1, with standard error in the pipe too', async (test) => {
    const project = testProject(test, { 'pipelines/chatty.ts': CHATTY, wrong: '' })
    const { codes } = await piped(project, 'S run chatty --inline 2>&1 | head -1')
    assert.equal(codes, '1 0')
    assert.equal((await project.json('runs')).status, 'failed')
  })

  it('ends commands that only print, with 0', async (test) => {
    const project = testProject(test, { 'pipelines/chatty.ts': CHATTY })
    await project.sluice('run', 'chatty', '--inline')
    for (const line of ['S logs latest', 'S logs latest -f', 'S logs latest --json', 'S plan chatty --force'])
      assert.equal((await piped(project, `${line} | head -1`)).codes, '0 0', line)
  })

  it('ends following the logs of a run that goes on, with 0', async (test) => {
    const project = testProject(test, {
      'pipelines/long.ts': `
import { existsSync } from 'node:fs'
import { pipeline, task } from 'sluice'
const Long = task('Long', {}, async ({ log }) => { while (!existsSync('enough')) { log.info('still here'); await new Promise((r) => setTimeout(r, 50)) } })
export const long = pipeline('long', Long)`,
    })
    const run = project.start(['run', 'long'])
    while (!existsSync(project.path('.sluice/logs'))) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal((await piped(project, 'S logs latest -f | head -3')).codes, '0 0')
    project.write('enough', '')
    assert.equal((await run.ended).code, 0)
  })

  it('is told where it was sent to a full disk', async (test) => {
    const project = testProject(test, { 'pipelines/chatty.ts': CHATTY })
    if (!existsSync('/dev/full')) return test.skip('there is no /dev/full here')
    const { codes, output } = await piped(project, 'S plan chatty > /dev/full')
    assert.equal(codes, '3')
    assert.match(output, /error: The output cannot be written: .*ENOSPC/)
  })
})
