import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { z } from 'zod'
import { type TestProject, testProject } from '../support/cli.ts'
import { checkAccess, openPage } from './browser.ts'

/** Where screenshots are kept; none are if it is not named. */
const SHOTS = process.env.SLUICE_SHOTS

/** What has not ended by then does not end, and a test that waits for ever says nothing of why. */
const FOLLOW_MS = 200_000

/** A project that `sluice dev` serves. */
export interface ServedProject {
  /** The address with the token. */
  address: string
  base: string
  /** Starts a run, and returns its id. */
  start(name: string, params: object): Promise<string>
  /** Waits until runs have ended. */
  follow(runs: string[]): Promise<void>
  /** Stops the server as Ctrl-C does. */
  stop(): Promise<void>
}

/** Serves a project with `sluice dev` until the test has ended. */
export const serveFiles = (test: TestContext, files: Record<string, string>): Promise<ServedProject> =>
  serveProject(testProject(test, files))

/** Serves a project with further flags of `sluice dev`. */
export async function serveProject(project: TestProject, ...flags: string[]): Promise<ServedProject> {
  const dev = project.start(['dev', ...(flags.includes('--port') ? [] : ['--port', '0']), ...flags])
  const address = await waitFor(() => /The console: (\S+)/.exec(dev.stdout())?.[1], dev.ended)
  const { origin: base, searchParams } = new URL(address)
  const headers = { authorization: `Bearer ${searchParams.get('token')}`, 'content-type': 'application/json' }
  return {
    address,
    base,
    async start(name, params) {
      const body = JSON.stringify({ name, params })
      const answer = await fetch(`${base}/v1/runs`, { method: 'POST', headers, body })
      return z.object({ run: z.string() }).parse(await answer.json()).run
    },
    async follow(runs) {
      const signal = AbortSignal.timeout(FOLLOW_MS)
      const events = fetch(`${base}/v1/events?runs=${runs.join(',')}`, { headers, signal })
      await events
        .then((stream) => stream.text())
        .catch(async (error) => {
          const some = await fetch(`${base}/v1/runs`, { headers })
          assert.fail(`${error}: ${await some.text()}\n${dev.stdout().slice(-2_000)}`)
        })
    },
    async stop() {
      dev.child.kill('SIGINT')
      await dev.ended
    },
  }
}

/** Looks at a page with axe in both schemes, and at a narrow screen; keeps screenshots if a folder is named. */
export async function look(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await checkAccess(page)
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const) {
      await page.setViewportSize({ width, height })
      const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
      assert.equal(isWide, false, `${name} is wider than ${width}`)
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${width}-${colorScheme}.png` })
    }
    await page.setViewportSize({ width: 1440, height: 900 })
  }
}

/** A page of the console whose browser has the token. */
export async function openSigned(
  { address, base }: Pick<ServedProject, 'address' | 'base'>,
  path = '/',
): ReturnType<typeof openPage> {
  const opened = await openPage()
  await opened.page.goto(address)
  if (path !== '/') await opened.page.goto(base + path)
  return opened
}

/** Asks until there is an answer; throws if the program has ended before. */
async function waitFor<Answer>(
  ask: () => Answer | undefined,
  ended: Promise<{ stderr: string }>,
): Promise<Answer> {
  let end: string | undefined
  ended.then(({ stderr }) => {
    end = stderr
  })
  for (;;) {
    const answer = ask()
    if (answer !== undefined) return answer
    assert.equal(end, undefined, 'it has ended')
    await sleep(20)
  }
}
