import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { removeAbandonedFiles } from '../../src/adapters/files/abandoned.ts'
import { testProject } from '../support/cli.ts'
import { temporaryFolder } from '../support/folders.ts'

/** A body that ends its process in the middle of its first attempts. */
const DIES = `
import { existsSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
const Dies = task('Dies', { retry: { attempts: 1 }, output: () => text('sub/out.txt') }, async ({ output, attempt }) => {
  await output.write('half')
  if (attempt === 1 && !existsSync('killed')) process.kill(process.pid, 'SIGKILL')
  if (!existsSync('go')) process.exit(3)
})
export const dies = pipeline('dies', Dies)`

describe('what an attempt that died wrote beside its target', () => {
  it('is removed by the next attempt, by the next run, and with the runs that are forgotten', async (test) => {
    const project = testProject(test, { 'pipelines/dies.ts': DIES })
    const names = () => readdirSync(project.path('data/sub'))
    await project.sluice('run', 'dies')
    assert.equal(names().length, 1, 'the second attempt removed what the first one left')
    project.write('killed', '')
    await project.sluice('run', 'dies')
    assert.equal(names().length, 1)
    const before = await project.json('prune', '--older-than', '1h')
    assert.equal(before.unpublished, 0, 'it is not old enough')
    const after = await project.json('prune', '--older-than', '0s', '--yes')
    assert.equal(after.unpublished, 1)
    assert.deepEqual(names(), [])
    await project.sluice('run', 'dies')
    project.write('go', '')
    assert.equal((await project.sluice('run', 'dies')).code, 0)
    assert.deepEqual(names(), ['out.txt'])
  })

  it('is removed where a command wrote it', async (test) => {
    const killEngine = 'kill -9 $(sed -n "s/^PPid:\\\\t*//p" /proc/$PPID/status); sleep 5'
    const plan = [
      { plan: 1, pipeline: 'demo' },
      {
        task: 'dies',
        command: ['sh', '-c', `echo x > "$SLUICE_OUTPUT"; test $SLUICE_ATTEMPT = 2 || { ${killEngine}; }`],
        output: 'out.txt',
      },
    ]
    const project = testProject(test, { 'plan.jsonl': plan.map((line) => JSON.stringify(line)).join('\n') })
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, null, 'it was killed')
    assert.equal(readdirSync(project.path('data')).length, 1)
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
    assert.deepEqual(readdirSync(project.path('data')), ['out.txt'])
  })

  it('is told from what still runs and from what people wrote', async (test) => {
    const folder = temporaryFolder(test)
    const nonces = ['0', '1'].map((n) => `0000000${n}-0000-4000-8000-000000000000`)
    const names = [
      `.a.txt.${nonces[0]}-1.tmp`,
      `.a.txt.${nonces[1]}-12.tmp`,
      '.notes.tmp',
      '.x.abc-1.tmp',
      'a.txt',
    ]
    for (const name of names) writeFileSync(join(folder, name), '')
    const removed = await removeAbandonedFiles(folder, {
      before: Date.now() + 1_000,
      isRunning: (nonce) => nonce === nonces[1],
    })
    assert.equal(removed, 1)
    assert.deepEqual(readdirSync(folder).sort(), names.slice(1).sort())
  })
})
