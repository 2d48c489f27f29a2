import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type Started, type TestProject, testProject } from '../support/cli.ts'

const module = (
  name: string,
  text: string,
  helper = '',
) => `${helper}import { pipeline, task, text } from 'sluice'
const Task = task('${name}', { output: () => text('${name}.txt') }, async ({ output }) => output.write(${text}))
export const made = pipeline('${name.toLowerCase()}', Task)
`

const until = async (holds: () => boolean | Promise<boolean>) => {
  const end = Date.now() + 100_000
  while (!(await holds())) {
    assert.ok(Date.now() < end, `never: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Asks the earlier paths of an engine, with its token. */
type Api = (path: string, init?: RequestInit) => Promise<Response>

async function startDev(project: TestProject): Promise<Started & { api: Api }> {
  const dev = project.start(['dev', '--port', '0'])
  await until(() => /listens on http/.test(dev.stdout()))
  const [base] = /http:\/\/127[^/]+/.exec(dev.stdout()) ?? []
  const authorization = `Bearer ${readFileSync(project.path('.sluice/api-token'), 'utf8').trim()}`
  const api: Api = (path, init) =>
    fetch(`${base}/api${path}`, { ...init, headers: { authorization, ...init?.headers } })
  return { ...dev, api }
}

/** Asks the engine for a run; undefined where it does not know the name. */
async function ask(api: Api, name: string): Promise<string | undefined> {
  const answer = await api('/runs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  return answer.ok ? ((await answer.json()) as { run: string }).run : undefined
}

const isEnded = async (api: Api, run: string) =>
  ((await (await api(`/runs/${run}`)).json()) as { status: string }).status === 'succeeded'

describe('sluice dev', () => {
  it('reads definitions anew: a module that is added, changed in what it imports, or broken', async (test) => {
    const project = testProject(test, { 'pipelines/one.ts': module('One', "'1'") })
    const { api, child, ended, stdout } = await startDev(project)
    // Added, with a helper beside it.
    project.write('lib/words.ts', "export const word = 'before'\n")
    project.write('pipelines/two.ts', module('Two', 'word', "import { word } from '../lib/words.ts'\n"))
    await until(() => /read anew, for two\.ts/.test(stdout()))
    const two = (await ask(api, 'two')) ?? ''
    await until(() => isEnded(api, two))
    assert.equal(readFileSync(project.path('data/Two.txt'), 'utf8'), 'before')
    // The helper changes.
    project.write('lib/words.ts', "export const word = 'after, and longer'\n")
    await until(() => /read anew, for words\.ts changed/.test(stdout()))
    const again = await project.sluice('run', 'two', '--force')
    assert.equal(again.code, 0, again.stderr)
    assert.equal(readFileSync(project.path('data/Two.txt'), 'utf8'), 'after, and longer')
    // What is wrong fails nothing: it goes on when it is right again.
    const config = readFileSync(project.path('sluice.config.ts'), 'utf8')
    project.write('sluice.config.ts', 'export default {')
    await until(() => /not read, and no body starts/.test(stdout()))
    const one = (await ask(api, 'one')) ?? ''
    await until(() => /waits until the definitions can be read/.test(stdout()))
    project.write('sluice.config.ts', config)
    await until(() => isEnded(api, one))
    child.kill('SIGINT')
    assert.equal((await ended).code, 0)
  })

  it('applies a limit that was raised to who waits for it', async (test) => {
    const config = (limit: number) =>
      `import { defineConfig } from 'sluice'
       export default defineConfig({ pipelines: ['pipelines/*.ts'], budgets: { mag: { limit: ${limit}, per: 'month', timeZone: 'UTC' } } })`
    const project = testProject(test, {
      'sluice.config.ts': config(1),
      'pipelines/calls.ts': `import { pipeline, task, text } from 'sluice'
        import { z } from 'zod'
        const Call = task('Call', { params: { n: z.number() }, budgets: { mag: 1 }, output: ({ n }) => text(\`call-\${n}.txt\`) },
          async ({ output, budgets }) => { await budgets.mag.spend(); await output.write('done') })
        export const calls = pipeline('calls', task('All', { requires: () => [1, 2, 3].map((n) => Call({ n })) }, () => {}))`,
    })
    const { api, child, ended } = await startDev(project)
    const run = (await ask(api, 'calls')) ?? ''
    const waiting = async () =>
      ((await (await api(`/runs/${run}`)).json()) as { tasks: { status: string }[] }).tasks.filter(
        ({ status }) => status === 'waiting',
      ).length
    await until(async () => (await waiting()) === 2)
    project.write('sluice.config.ts', config(10))
    await until(() => isEnded(api, run))
    child.kill('SIGINT')
    await ended
  })
})

describe('two projects on one state', () => {
  it('run each its own tasks, and fail none of the other', async (test) => {
    const one = testProject(test, { 'pipelines/one.ts': module('One', "'1'") })
    const other = testProject(test, { 'pipelines/other.ts': module('Other', "'2'") })
    const shared = ['--state', one.path('.sluice'), '--data', one.path('data')]
    const { api, child, ended, stdout } = await startDev(one)
    const { code, stdout: told } = await other.sluice('run', 'other', ...shared)
    assert.equal(code, 0, told)
    const run = (await ask(api, 'one')) ?? ''
    await until(() => isEnded(api, run))
    const [attempts] = (await other.json('status', 'latest', ...shared)).tasks
    assert.deepEqual(attempts.counts, {})
    child.kill('SIGINT')
    assert.equal((await ended).code, 0, stdout())
  })
})
