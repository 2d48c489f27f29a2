import assert from 'node:assert/strict'
import { it } from 'node:test'
import { look, openSigned, serveFiles } from './serve.ts'

const HOSTILE = '<img src=x onerror="document.title=1"> \u202etfel'

const FILES = {
  'pipelines/parts.ts': `
import { pipeline, task } from 'sluice'
import { z } from 'zod'
const Part = task('Part', { params: { part: z.int(), note: z.string() }, retry: { attempts: 1 } }, async ({ params, signal }) => {
  if (params.part === 3) return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))
  if (params.part > 0) throw new Error('part ' + params.part)
  return 'made'
})
export const parts = pipeline('parts', task('All', { params: { note: z.string() }, requires: ({ note }) => [0, 1, 2, 3].map((part) => Part({ part, note })) }, async () => 'all'))`,
}

it('acts on selected tasks', async (test) => {
  const served = await serveFiles(test, FILES)
  const run = await served.start('parts', { note: HOSTILE })

  await test.test('counts a selection, says what is wrong with it, and cancels what it has', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${run}`)
    await page.getByRole('button', { name: '2 failed' }).waitFor()
    const selection = page.getByLabel('Selection')
    await selection.fill('status=runing')
    await selection.press('Enter')
    await page.getByText('Did you mean running?').first().waitFor()
    await look(page, 'selection-wrong')
    await selection.fill('family=P* part>=1')
    await selection.press('Enter')
    await page.getByText('3 tasks of 5 selected').waitFor()
    assert.equal(new URL(page.url()).searchParams.get('where'), 'family=P* part>=1')
    await look(page, 'selection')
    await page.getByRole('button', { name: 'Cancel 1' }).click()
    await page
      .getByRole('dialog', { name: 'Cancel 1' })
      .getByText('Cancels 1 task that has not ended.')
      .waitFor()
    await look(page, 'selection-cancel')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel 1' }).click()
    await page.getByRole('button', { name: '1 cancelled' }).waitFor()
    // The browser tells the refused requests too.
    assert.deepEqual(
      complaints.filter((each) => !each.includes('400')),
      [],
    )
  })

  await test.test('retries a selection in a run of its own, which shows its selection as text', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${run}?status=failed`)
    await page.getByText('2 tasks of 5 selected').waitFor()
    await page.getByRole('button', { name: 'Retry 2' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByText('Opens one run of 2 tasks').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Retry 2' }).click()
    await page.waitForURL((url) => url.pathname.startsWith('/runs/parts-') && !url.pathname.includes(run))
    await page.getByRole('button', { name: '2 failed' }).waitFor()
    await page.getByText('status=failed').first().waitFor()
    await page.getByText('<img src=x').first().waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test('shows where the time of a task went', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${run}/tasks/1`)
    await page.getByRole('heading', { name: 'Where the time of attempt 1 went' }).waitFor()
    await page.getByText('Queued').first().waitFor()
    await look(page, 'task-times')
    // As a deployment answers of a container.
    await page.route('**/v1/runs/*/tasks?*', async (route) => {
      const answer = await route.fetch()
      const { tasks, ...more } = await answer.json()
      const told = tasks.map((task: object) => ({
        ...task,
        image: `sha256:${'0a'.repeat(32)}`,
        code: '1f2e3d4c',
      }))
      await route.fulfill({ response: answer, json: { ...more, tasks: told } })
    })
    await page.reload()
    await page.getByText('1f2e3d4c').first().waitFor()
    await page.getByText('sha256:0a0a').first().waitFor()
    await look(page, 'task-image')
    assert.match(await page.title(), /Sluice/)
    assert.deepEqual(complaints, [])
  })
})
