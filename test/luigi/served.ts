import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { serve } from '@hono/node-server'
import { openSchedulerStore } from '../../src/adapters/sqlite/scheduler-store.ts'
import { createLuigiApi, type LuigiApiOptions } from '../../src/http/luigi/luigi-api.ts'
import { LuigiScheduler } from '../../src/luigi/luigi-scheduler.ts'
import { findMethod } from '../../src/luigi/methods.ts'
import { LUIGI_DEFAULTS, type SchedulerConfig } from '../../src/luigi/scheduler/config.ts'
import { temporaryFolder } from '../support/folders.ts'

/** A scheduler of a test's own, asked over HTTP at the time that the test sets. */
export interface ServedScheduler {
  url: string
  /** Seconds since the epoch that every call sees. */
  now: number
  /** Calls a method; throws if the answer is an error. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of the protocol, whatever it is
  call(method: string, sent?: object): Promise<any>
  /** The status and the body of any request. */
  ask(path: string, init?: RequestInit): Promise<HttpAnswer>
  /** The task that a worker gets, or null. */
  work(worker: string, more?: object): Promise<string | null>
  /** The status of every task. */
  statuses(): Promise<Record<string, string>>
  /** Closes the scheduler, and opens its state again. */
  reopen(): void
}

interface HttpAnswer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: an answer of the protocol, whatever it is
  json: any
}

/** Tests set the settings of Luigi that its own tests have, so that nothing is as it is by chance. */
export const QUICK: Partial<SchedulerConfig> = {
  retry_delay: 100,
  remove_delay: 1_000,
  worker_disconnect_delay: 10,
  disable_persist: 10,
  disable_window: 10,
  retry_count: 3,
  disable_hard_timeout: 3_600,
  stable_done_cooldown_secs: 0,
}

/** How a scheduler of a test is opened. */
interface ServeOptions {
  config?: Partial<SchedulerConfig>
  resources?: Record<string, number>
  api?: Partial<LuigiApiOptions>
}

/** Opens a scheduler on a file. */
export const openScheduler = (
  path: string,
  { config, resources = {} }: ServeOptions = {},
): LuigiScheduler => {
  let uuids = 0
  return new LuigiScheduler({
    store: openSchedulerStore(path),
    config: { ...LUIGI_DEFAULTS, ...QUICK, ...config },
    resources,
    makeUuid: () => `uuid-${++uuids}`,
  })
}

/** Calls a method without HTTP; `now` is in seconds. */
// biome-ignore lint/suspicious/noExplicitAny: an answer of the protocol, whatever it is
export function callMethod(scheduler: LuigiScheduler, name: string, sent: object, now = 1_000): any {
  const method = findMethod(name)
  assert.ok(method, name)
  return scheduler.call(method, method.arguments.parse(sent), now)
}

/** Serves a scheduler on loopback, under test. */
export async function serveScheduler(
  test: TestContext,
  options: ServeOptions = {},
): Promise<ServedScheduler> {
  const path = join(temporaryFolder(test), 'luigid.db')
  let scheduler = openScheduler(path, options)
  const make = () =>
    createLuigiApi(scheduler, {
      guards: { isLoopbackOnly: true },
      isUnderTest: true,
      onDefect: (error) => console.error(error),
      ...options.api,
    })
  let app = make()
  const server = serve({
    fetch: (request) => app.fetch(request),
    hostname: '127.0.0.1',
    port: 0,
  }) as Server
  await once(server, 'listening')
  test.after(() => {
    server.close()
    server.closeAllConnections()
    scheduler.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const served: ServedScheduler = {
    url,
    now: 1_000,
    async call(method, sent = {}) {
      const { status, text, json } = await served.ask(`/api/${method}`, {
        method: 'POST',
        body: new URLSearchParams({ data: JSON.stringify(sent) }),
      })
      if (status !== 200) throw new Error(`${method}: ${status} ${text}`)
      return json.response
    },
    async ask(path, init = {}) {
      const headers = { 'x-test-now': String(served.now), ...init.headers }
      const response = await fetch(url + path, { redirect: 'manual', ...init, headers })
      const text = await response.text()
      const isJson = /^application\/json/.test(response.headers.get('content-type') ?? '')
      return {
        status: response.status,
        headers: response.headers,
        text,
        json: isJson ? JSON.parse(text) : undefined,
      }
    },
    async work(worker, more = {}) {
      return (await served.call('get_work', { worker, host: 'h', ...more })).task_id
    },
    async statuses() {
      const tasks: Record<string, { status: string }> = await served.call('task_list', { limit: false })
      return Object.fromEntries(Object.entries(tasks).map(([id, { status }]) => [id, status]))
    },
    reopen() {
      scheduler.close()
      scheduler = openScheduler(path, options)
      app = make()
    },
  }
  return served
}
