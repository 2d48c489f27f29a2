import assert from 'node:assert/strict'
import { it } from 'node:test'
import { look, openSigned, serveFiles } from './serve.ts'

const FILES = {
  'pipelines/sides.ts': `
import { pipeline, task } from 'sluice'
import { z } from 'zod'
const make = (name) => {
  const Part = task(name + 'Part', { params: { part: z.int() }, retry: { attempts: 1 } }, async ({ params }) => {
    if (params.part > 0) throw new Error('part ' + params.part)
    return 'made'
  })
  return task(name + 'All', { params: { day: z.string() }, requires: () => [0, 1, 2].map((part) => Part({ part })) }, async () => 'all')
}
export const left = pipeline('left', make('Left'))
export const right = pipeline('right', make('Right'))
export const third = pipeline('third', make('Third'))`,
}

it('acts on selected tasks of several pipelines', async (test) => {
  const served = await serveFiles(test, FILES)
  const names = ['left', 'right', 'third']
  const runs: string[] = []
  for (const name of names) runs.push(await served.start(name, { day: '<b>1</b>' }))
  await served.follow(runs)
  const { page, complaints } = await openSigned(served, '/runs')
  const select = async (where: string) => {
    await page.getByLabel('Tasks of the newest runs').fill(where)
    await page.getByLabel('Tasks of the newest runs').press('Enter')
  }

  await test.test('leaves what is typed in a filter as it is while answers come', async () => {
    const { page: slow } = await openSigned(served, '/limits')
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    await slow.route('**/v1/runs?*', async (route) => {
      await released
      await route.continue()
    })
    await slow.getByRole('link', { name: 'Runs' }).click()
    await slow.getByLabel('Pipeline').fill('half')
    release()
    await slow.getByText('3 runs').waitFor()
    assert.equal(await slow.getByLabel('Pipeline').inputValue(), 'half')
    await slow.close()
  })

  await test.test('says what is wrong with a selection, and counts a right one by run', async () => {
    await select('status=runing')
    await page.getByText('Did you mean running?').first().waitFor()
    await select('family=Nope')
    await page.getByText(/Nope/).first().waitFor()
    await select('pipeline=left,right status=failed')
    await page.getByText('4 tasks of 2 runs selected').waitFor()
    assert.equal(new URL(page.url()).searchParams.get('where'), 'pipeline=left,right status=failed')
    const rows = page.getByRole('table', { name: 'Runs with selected tasks' }).getByRole('row')
    assert.equal(await rows.count(), 3)
    await look(page, 'runs-selection')
  })

  await test.test('marks and retries them after it said how many they are', async () => {
    await select('pipeline=left status=failed')
    await page.getByRole('button', { name: 'Mark 2' }).click()
    await page.getByRole('dialog').getByText('2 tasks in 1 run.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Mark 2' }).click()
    await page.getByText('No task is selected.').waitFor()
    await select('status=failed')
    await page.getByText('4 tasks of 2 runs selected').waitFor()
    await page.getByRole('button', { name: 'Retry 4' }).click()
    await look(page, 'runs-selection-retry')
    await page.getByRole('dialog').getByRole('button', { name: 'Retry 4' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.goto(`${served.base}/runs`)
    // A mark after the end of a run opens the next one, and each retry has a run of its own.
    await page.getByText('6 runs').waitFor()
    assert.deepEqual(
      complaints.filter((each) => !/40[04]/.test(each)),
      [],
    )
  })
})
