import assert from 'node:assert/strict'
import { createConnection } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { it, type TestContext } from 'node:test'
import { openPage } from './browser.ts'
import { PROJECT } from './project.ts'
import { look, openSigned, serveFiles } from './serve.ts'

const HOSTILE = '<b>bold</b> \u202etfel\u200b'

/** A project that sluice dev serves, with what its runs are called. */
interface Served {
  address: string
  base: string
  wide: string
  hostile: string
  slow: string
}

it('serves the console', async (test) => {
  const served = await serveProject(test)

  await test.test('takes the token once, and keeps it out of the address', async () => {
    const { page } = await openPage()
    await page.goto(served.base)
    await page.getByText('This browser has no token yet.').waitFor()
    const wrong = await page.goto(`${served.base}/?token=wrong`)
    assert.equal(wrong?.status(), 401)
    await page.goto(served.address)
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    assert.equal(page.url(), `${served.base}/`)
    const [cookie] = await page.context().cookies()
    assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, 'Strict'])
    assert.equal(await page.evaluate('document.cookie'), '')
  })

  await test.test('is refused to another host, and its API to another origin', async () => {
    const socket = createConnection(Number(new URL(served.base).port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    assert.match(await readText(socket), /^HTTP\/1.1 403/)
    const { page } = await openSigned(served)
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${served.base}/v1/runs`, { headers: { cookie, ...headers } })).status
    assert.equal(await ask({}), 200)
    assert.equal(await ask({ origin: 'http://evil.example' }), 403)
    assert.equal(await ask({ 'sec-fetch-site': 'same-site' }), 403)
  })

  await test.test('shows pipelines, and pauses and resumes a schedule', async () => {
    const { page, complaints } = await openSigned(served)
    const button = page.getByRole('button', { name: /(Pause|Resume) nightly/ })
    const first = await button.textContent()
    await button.click()
    const other = first === 'Pause' ? 'Resume' : 'Pause'
    await page.getByRole('button', { name: `${other} nightly` }).click()
    await page.getByRole('button', { name: `${first} nightly` }).waitFor()
    await page.getByRole('table', { name: 'Open failures' }).getByText(served.hostile).waitFor()
    await look(page, 'overview')
    assert.deepEqual(complaints, [])
  })

  await test.test('filters runs, and is used by the keyboard', async () => {
    const { page, complaints } = await openSigned(served)
    await page.getByRole('link', { name: 'Runs', exact: true }).click()
    await page.getByText('3 runs').waitFor()
    await look(page, 'runs')
    await page.getByLabel('Status').selectOption('failed')
    await page.getByText('1 run of 3').waitFor()
    await page.getByLabel('Status').selectOption('cancelled')
    await page.getByText('No run is like this.').waitFor()
    await page.getByLabel('Status').selectOption('failed')
    await page.getByRole('link', { name: served.hostile }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.press('Escape')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: served.hostile }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'Runs' }).waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test('draws a window of the tasks of a run, and filters them', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${served.wide}`)
    await page.getByText('Part(number=3)').waitFor()
    assert.ok((await page.locator('[role=row]').count()) < 80, 'only rows in sight are drawn')
    const table = page.getByRole('region', { name: 'Table of tasks' })
    const last = page.getByText('Wide(parts=400)')
    // Each page that comes makes the list longer.
    while (!(await last.isVisible())) await table.evaluate((each) => each.scrollTo(0, each.scrollHeight))
    await page.getByLabel('Name contains').fill('number=39')
    await page.getByText('11 tasks', { exact: true }).waitFor()
    await page.getByLabel('Family').fill('Wide')
    await page.getByLabel('Family').press('Enter')
    await page.getByText('No task is like this.').waitFor()
    await look(page, 'run-empty')
    await page.goto(`${served.base}/runs/${served.wide}`)
    await page.getByText('Part(number=3)').waitFor()
    await look(page, 'run')
    assert.deepEqual(complaints, [])
  })

  await test.test('groups failures, and shows hostile names, lines and colours as text', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${served.hostile}`)
    await page.getByText('no such file <b><b>bold</b>').first().waitFor()
    await look(page, 'run-failed')
    await page
      .getByRole('link', { name: /^Hostile\(/ })
      .first()
      .click()
    await page.getByRole('heading', { name: 'Why it failed' }).waitFor()
    assert.ok((await page.getByText('⟨202E⟩').count()) > 0, 'what changes direction is seen')
    await look(page, 'task')
    await page.getByRole('link', { name: 'Log', exact: true }).click()
    await page.getByRole('button', { name: 'First error' }).click()
    await page.getByLabel('Search').fill('onerror')
    await page.getByText('<img src=x onerror="document.title=1">').first().waitFor()
    await page.getByLabel('Search').fill('red and')
    assert.equal(await page.locator('.c1').first().textContent(), 'red')
    await page.getByLabel('Search').fill('long xxx')
    await page
      .getByText(/more characters/)
      .first()
      .waitFor()
    await page.getByLabel('Search').fill('to left')
    await page.getByText('zero⟨200B⟩width').first().waitFor()
    await page.getByLabel('Search').fill('')
    await look(page, 'log')
    await page.getByLabel('Wrap').check()
    await page.goto(`${served.base}/runs/${served.hostile}/tasks/0/log?attempt=1&line=120`)
    await page.locator('.marked').getByText('line 119').waitFor()
    assert.match(await page.title(), /Sluice/)
    assert.deepEqual(complaints, [])
  })

  await test.test('says what an act affects, and does it: cancels a run, retries another', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${served.slow}`)
    await page.getByRole('button', { name: '1 running' }).waitFor()
    await page.getByRole('button', { name: 'Cancel run' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Stops 1 task that runs now').waitFor()
    await look(page, 'dialog')
    await dialog.getByRole('button', { name: 'Leave it' }).click()
    await page.getByRole('button', { name: 'Cancel run' }).click()
    await dialog.getByRole('button', { name: 'Cancel run' }).click()
    await page.getByRole('button', { name: '1 cancelled' }).waitFor()
    await page.goto(`${served.base}/runs/${served.hostile}`)
    await page.getByRole('button', { name: 'Retry' }).click()
    await dialog.getByText('1 task').waitFor()
    await dialog.getByRole('button', { name: 'Retry' }).click()
    await page.waitForURL((url) => !url.pathname.includes(served.hostile))
    await page.getByRole('button', { name: '1 failed' }).waitFor()
    await page.goto(`${page.url()}/tasks/0`)
    await page.getByRole('button', { name: 'Mark as succeeded' }).click()
    await dialog.getByRole('button', { name: 'Mark as succeeded' }).click()
    await dialog.getByText('everything of its request is complete now').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
    assert.deepEqual(complaints, [])
  })

  await test.test('says that the connection is lost, and mends it', async () => {
    const { page } = await openSigned(served, '/runs')
    await page.getByRole('heading', { name: 'Runs' }).waitFor()
    await page.context().setOffline(true)
    await page.getByText('Connection lost: trying again…').waitFor()
    await page.context().setOffline(false)
    await page.getByText('Connection lost: trying again…').waitFor({ state: 'hidden' })
  })
})

async function serveProject(test: TestContext): Promise<Served> {
  const { address, base, start, follow } = await serveFiles(test, PROJECT)
  const wide = await start('wide', { parts: 400 })
  const hostile = await start('hostile', { name: HOSTILE })
  await follow([wide, hostile])
  const slow = await start('slow', { name: 'one' })
  return { address, base, wide, hostile, slow }
}
