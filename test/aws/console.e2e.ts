import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { buildConsole } from '../../console/build.ts'
import { installChromium } from '../console/chromium.ts'
import { look, openSigned } from '../console/serve.ts'
import { projectFolder as ownFolder, temporaryFolder } from '../support/folders.ts'
import { projectFolder, unique, whileTicking } from './deployed.ts'
import { openGateway } from './gateway.ts'

const SLOW_MS = 90_000

before(async () => {
  installChromium()
  await buildConsole(join(ownFolder, 'dist/console'))
})

it('serves the console of a deployment', async (test) => {
  const served = await serveDeployment(test)
  const of = unique('console')

  await test.test('says for which deployment it speaks, and as whom', async () => {
    const { page, complaints } = await openSigned(served)
    const head = page.getByRole('banner')
    for (const text of ['test', 'us-east-1', '000000000000'])
      await head.getByText(text, { exact: true }).waitFor()
    assert.equal(await head.getByTitle('arn:aws:iam::000000000000:root').textContent(), 'root')
    await page.getByRole('heading', { name: 'branches' }).waitFor()
    await look(page, 'aws-overview')
    assert.deepEqual(complaints, [])
  })

  await test.test(
    'starts a run after its parameters are right, watches it, reads why it failed, and retries',
    async () => {
      const { page, complaints } = await openSigned(served, '/pipelines/branches/start')
      await page.getByLabel('of', { exact: true }).fill(of)
      await page.getByLabel('failures').fill('many')
      await page.getByRole('button', { name: 'Start run' }).click()
      await page.getByText('correct the parameters that are marked').waitFor()
      await page.getByLabel('failures').fill('9')
      await page.getByRole('button', { name: 'Show plan' }).click()
      await page
        .getByText(`Flaky(failures=9,of=${of})`)
        .or(page.getByText(`Flaky(of=${of})`))
        .first()
        .waitFor()
      await page.getByRole('button', { name: 'Run it' }).click()
      await page.waitForURL(/\/runs\//)
      const failed = page.getByRole('button', { name: '1 failed' })
      await whileTicking(failed.waitFor({ timeout: SLOW_MS }))
      await page.getByText('failing attempt # on purpose').waitFor()
      await look(page, 'aws-run-failed')
      const run = page.url()
      await page
        .getByRole('link', { name: /^Flaky\(/ })
        .first()
        .click()
      await page.getByRole('heading', { name: 'Why it failed' }).waitFor()
      await page.getByRole('link', { name: 'Attempt 2' }).waitFor()
      await look(page, 'aws-task')
      await page.getByRole('link', { name: 'Log', exact: true }).click()
      await page.getByText('this is attempt 3').waitFor({ timeout: SLOW_MS })
      await page.getByLabel('Search').fill('attempt 2')
      await page.getByText('this is attempt 3').waitFor({ state: 'hidden' })
      await page.getByText('this is attempt 2').first().waitFor()
      await page.goto(run)
      await page.getByRole('button', { name: 'Retry' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click()
      await page.waitForURL((url) => url.href !== run)
      await whileTicking(failed.waitFor({ timeout: SLOW_MS }))
      assert.deepEqual(
        complaints.filter((each) => !/status of 400/.test(each)),
        [],
      )
    },
  )

  await test.test('cancels a run, and pauses and resumes a schedule', async () => {
    const { page, complaints } = await openSigned(served, `/pipelines/slow/start?p.of=${of}&p.seconds=600`)
    await page.getByRole('button', { name: 'Start run' }).click()
    await page.waitForURL(/\/runs\//)
    await whileTicking(page.getByRole('button', { name: '1 running' }).waitFor({ timeout: SLOW_MS }))
    await page.getByRole('button', { name: 'Cancel run' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel run' }).click()
    await whileTicking(page.getByRole('button', { name: '1 cancelled' }).waitFor({ timeout: SLOW_MS }))
    await page.goto(served.base)
    const button = page.getByRole('button', { name: /(Pause|Resume) search-daily/ })
    const first = await button.textContent()
    const other = first === 'Pause' ? 'Resume' : 'Pause'
    await button.click()
    await page.getByRole('button', { name: `${other} search-daily` }).click()
    await page.getByRole('button', { name: `${first} search-daily` }).waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test(
    'says that credentials have expired, and goes on by itself after a new sign-in',
    async () => {
      const { page } = await openSigned(served)
      await page.getByRole('heading', { name: 'branches' }).waitFor()
      served.expire()
      await page.getByText('The AWS credentials have expired').first().waitFor()
      await page.getByText('nothing has to be started anew').first().waitFor()
      await page.getByRole('heading', { name: 'branches' }).waitFor()
      await look(page, 'aws-expired')
      await page.reload()
      await page.getByText('not signed in').waitFor()
      served.signIn()
      await page.getByRole('heading', { name: 'branches' }).waitFor()
      await page.getByText('The AWS credentials have expired').waitFor({ state: 'hidden' })
      await page.getByRole('banner').getByText('000000000000').waitFor()
    },
  )
})

/** `sluice console` with credentials of a session, which a person signs in for and which expire. */
async function serveDeployment(test: TestContext) {
  const gateway = await openGateway(test)
  const path = join(temporaryFolder(test), 'credentials')
  let session = 0
  const signIn = () => {
    session++
    const keys = `aws_access_key_id = test\naws_secret_access_key = test\naws_session_token = session-${session}\n`
    writeFileSync(path, `[default]\n${keys}`)
  }
  signIn()
  const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...inherited } = process.env
  const child = spawn(
    process.execPath,
    [join(ownFolder, 'bin/sluice.js'), 'console', '--env', 'test', '--port', '0'],
    {
      cwd: projectFolder,
      env: {
        ...inherited,
        NODE_TEST_CONTEXT: undefined,
        AWS_ENDPOINT_URL: gateway.url,
        AWS_SHARED_CREDENTIALS_FILE: path,
        AWS_CONFIG_FILE: `${path}.config`,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    },
  )
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  test.after(async () => {
    child.kill('SIGTERM')
    assert.equal(await ended, 0, 'it stops when it is asked to')
  })
  let told = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (told += data))
  const find = () => /The console of test \(sluice-test, us-east-1\): (\S+)/.exec(told)?.[1]
  while (find() === undefined && child.exitCode === null) await setImmediate()
  const address = find()
  assert.ok(address, told)
  return {
    address,
    base: new URL(address).origin,
    signIn,
    expire: () => gateway.expire(`session-${session}`),
  }
}
