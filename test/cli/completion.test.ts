import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'
import { projectFolder } from '../support/folders.ts'

const DAYS = `
import { daily, day, pipeline, task, text } from 'sluice'
import { z } from 'zod'
console.log('printed while it loads')
const Day = task('Day', { params: { date: day(), kind: z.enum(['small', 'large']).default('small') },
  output: ({ date, kind }) => text(\`\${date}-\${kind}\`) }, async ({ output }) => output.write('x'))
export const days = pipeline('days', Day, { description: 'Counts: a day', schedule: daily(), params: ({ date }) => ({ date }) })
export const other = pipeline('other', Day)`
const CONFIG = `
import { defineConfig } from 'sluice'
export default defineConfig({ pipelines: ['pipelines/*.ts'], environments: { dev: { storage: 'data' }, prod: { region: 'eu-west-2' } } })`

const project = (test: TestContext) =>
  testProject(test, { 'pipelines/days.ts': DAYS, 'sluice.config.ts': CONFIG })

/** What a shell is offered at the last of these words. */
async function offered({ start }: TestProject, ...words: string[]): Promise<string[]> {
  const { stdout, stderr, code } = await start(['complete', '--', ...words]).ended
  assert.deepEqual([code, stderr], [0, ''])
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']))
}

describe('completion', () => {
  it('offers commands, flags, and names of the project', async (test) => {
    const at = project(test)
    assert.deepEqual(await offered(at, 'ru'), ['runs', 'run'])
    assert.deepEqual(await offered(at, 'run', ''), ['days', 'other', 'Day'])
    assert.deepEqual(await offered(at, 'pause', ''), ['days'])
    assert.deepEqual(await offered(at, 'backfill', 'days', '--f'), ['--from'])
    assert.deepEqual(await offered(at, 'run', 'days', '--d'), ['--data', '--detach', '--date'])
    assert.deepEqual(await offered(at, 'run', 'days', '--kind', ''), ['small', 'large'])
    assert.deepEqual(await offered(at, 'run', 'days', '--date', 'y'), ['yesterday'])
    assert.deepEqual(await offered(at, 'runs', '--env', ''), ['prod'])
    assert.deepEqual(await offered(at, 'runs', '--env=p'), ['--env=prod'])
    assert.deepEqual(await offered(at, 'runs', '--env', '=', 'p'), ['prod'], 'as bash parts it')
    assert.deepEqual(await offered(at, 'runs', '--json', '--status', 'f'), ['failed'])
    assert.deepEqual(await offered(at, 'secrets', ''), ['set', 'list', 'remove'])
    assert.deepEqual(await offered(at, 'run', '--plan', ''), [':files'])
  })

  it('offers runs and their tasks, and makes no state', async (test) => {
    const at = project(test)
    assert.deepEqual(await offered(at, 'status', ''), ['latest'])
    assert.equal(existsSync(at.path('.sluice')), false)
    await at.sluice('run', 'days', '--date', '2026-01-01', '--inline')
    const { run } = await at.json('runs')
    assert.deepEqual(await offered(at, 'status', ''), ['latest', run])
    assert.deepEqual(await offered(at, 'status', run.slice(0, 8)), [run])
    assert.deepEqual(await offered(at, 'logs', 'latest', ''), ['Day'])
    assert.deepEqual(await offered(at, 'logs', 'latest', '--level', ''), ['debug', 'info', 'warn', 'error'])
    assert.deepEqual(await offered(at, 'mark', 'latest', 'Day', ''), ['succeeded'])
  })

  it('offers nothing, without a word, where nothing can be known', async (test) => {
    const at = testProject(test, { 'sluice.config.ts': 'throw new Error("wrong")' })
    assert.deepEqual(await offered(at, 'run', ''), [])
    assert.deepEqual(await offered(at, 'status', ''), ['latest'])
    assert.deepEqual(await offered(at, 'nonsense', ''), [])
  })

  it('of an unknown shell is wrong use', async (test) => {
    const { code, stderr } = await project(test).sluice('completion', 'csh')
    assert.equal(code, 2)
    assert.match(stderr, /Allowed choices are bash, zsh, fish/)
  })
})

/** A project with its script, and `sluice` in the PATH. */
async function withScript(test: TestContext, shell: string) {
  const at = project(test)
  mkdirSync(at.path('bin'))
  const command = `#!/bin/sh\nexec "${process.execPath}" "${projectFolder}/bin/sluice.js" "$@"\n`
  writeFileSync(at.path('bin/sluice'), command, { mode: 0o755 })
  writeFileSync(at.path('script'), (await at.sluice('completion', shell)).stdout)
  const env = { ...process.env, PATH: `${at.path('bin')}:${process.env.PATH}`, HOME: at.path() }
  const run = (code: string) =>
    execFileSync(shell, ['-c', code], { cwd: at.folder, env, encoding: 'utf8' }).split('\n').filter(Boolean)
  return { at, run }
}

const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0

describe('the script of', () => {
  it('bash completes, and runs nothing of what is typed', { skip: !has('bash') }, async (test) => {
    const { at, run } = await withScript(test, 'bash')
    const complete = (words: string) =>
      run(
        `. ./script; COMP_WORDS=(sluice ${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`,
      )
    assert.deepEqual(complete('ru'), ['runs', 'run'])
    assert.deepEqual(complete("run ''"), ['days', 'other', 'Day'])
    assert.deepEqual(complete('run --plan scr'), ['script'])
    complete("run '$(touch ran)' '`touch ran`' '; touch ran' ''")
    assert.equal(existsSync(at.path('ran')), false)
  })

  it('zsh completes', { skip: !has('zsh') }, async (test) => {
    const { run } = await withScript(test, 'zsh')
    const complete = (words: string) =>
      run(`compdef() {}; _describe() { print -l -- "\${(@P)3}" }; _files() { print files }
        . ./script; words=(sluice ${words}); CURRENT=$#words; _sluice`)
    assert.deepEqual(complete("run ''"), ['days:Counts: a day', 'other:pipeline', 'Day:task'])
    assert.deepEqual(complete("run --plan ''"), ['files'])
  })

  it('fish completes', { skip: !has('fish') }, async (test) => {
    const { run } = await withScript(test, 'fish')
    assert.deepEqual(run("source ./script; complete -C 'sluice run '").sort(), [
      'Day\ttask',
      'days\tCounts: a day',
      'other\tpipeline',
    ])
    assert.deepEqual(run("source ./script; complete -C 'sluice runs --env p'"), ['prod\teu-west-2'])
    assert.deepEqual(run("source ./script; complete -C 'sluice run --plan scr'"), ['script'])
  })
})
