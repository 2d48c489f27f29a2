import assert from 'node:assert/strict'
import { handle } from 'hono/aws-lambda'
import type { Home } from '../../src/control/home.ts'
import { keys } from '../../src/core/keys.ts'
import { NO_LIMITS } from '../../src/core/limits.ts'
import type { Run } from '../../src/core/records/run.ts'
import { isRunOpen } from '../../src/core/records/status.ts'
import type { Pipeline } from '../../src/define/pipeline.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import { Worker } from '../../src/engine/work.ts'
import { answerExecutions } from '../../src/homes/aws/handlers/answer.ts'
import type { makeDeployedApi } from '../../src/homes/aws/handlers/api.ts'
import { makeVirtualHome, NOWHERE, type VirtualHome } from '../../src/homes/simulated/home.ts'
import type { Fetcher } from '../../src/http/client.ts'
import { makeEmptyProject, type Project } from '../../src/project/load-config.ts'

/** A deployment on the memory adapters, with executions that only note what they are told. */
export function memoryDeployment(pipelines: Pipeline[], now: () => number = Date.now) {
  const virtual: VirtualHome = makeVirtualHome(now, NO_LIMITS, {
    areComplete: async (tasks) => tasks.map(() => false),
  })
  const { context } = virtual
  /** Names of secrets that have a value. */
  const secrets = new Set<string>()
  const project: Project = {
    ...makeEmptyProject('/nowhere'),
    pipelines: new Map(pipelines.map((each) => [each.name, each])),
    tasks: new Map(pipelines.map(({ root }) => [root.family, root])),
  }
  const home: Home = {
    context,
    logs: undefined as never,
    secrets: {
      get: () => Promise.reject(new Error('no function that decides may read a value')),
      isSet: async (name) => secrets.has(name),
      hint: (name) => `set it with: sluice secrets set ${name} --env prod`,
    },
    surroundings: NOWHERE,
    definitions: {
      tasks: project.tasks,
      limits: project.limits,
      surroundings: NOWHERE,
      storageFolder: '',
      completeness: context.ports.completeness,
      store: context.ports.store,
    },
    requireRunnable: async () => {},
    async close() {},
  }
  const told = new Map<string, { output?: unknown; error?: string; cause?: string }>()
  const started: { machine: string; name: string; input: unknown }[] = []
  const executions = {
    async succeed(token: string, output: unknown) {
      told.set(token, { output })
    },
    async fail(token: string, error: string, cause: string) {
      told.set(token, { error, cause })
    },
    async start(machine: string, name: string, input: unknown) {
      const isNew = started.every((each) => each.name !== name)
      if (isNew) started.push({ machine, name, input })
      return isNew
    },
  }
  const runOf = async (id: string) => (await context.ports.store.read([keys.run(id)]))[0] as Run | undefined

  /** Does all that there is to do, and tells executions of runs that have ended. */
  async function settle(): Promise<void> {
    const worker = new Worker(context, { concurrency: 10 })
    for (let isIdle = false; !isIdle; ) {
      isIdle = true
      while ((await advanceFeed(context)) > 0) isIdle = false
      const deliveries = await context.ports.queue.take({
        pools: { default: 10 },
        limit: 10,
        visibilityMs: 1_000,
      })
      await Promise.all(deliveries.map((delivery) => worker.perform(delivery)))
      if (deliveries.length > 0) isIdle = false
    }
    for (const { record } of await context.ports.store.list({ prefix: 'run/', consistency: 'strong' }))
      if (record.kind === 'run' && !isRunOpen(record.status)) await answerExecutions(home, executions, record)
  }
  return { home, context, project, executions, told, started, secrets, runOf, settle }
}

/** Sends requests as the URL of a Lambda function does: as events, in format 2.0. `userArn`: whose signature AWS has checked. */
export function functionUrl(api: ReturnType<typeof makeDeployedApi>, userArn?: string): Fetcher {
  const invoke = handle(api)
  return async ({ pathname, search, host }, { method, headers, body }) => {
    const event = {
      version: '2.0',
      rawPath: pathname,
      rawQueryString: search.slice(1),
      headers: { host, ...headers },
      body: body ?? null,
      isBase64Encoded: false,
      requestContext: {
        domainName: host,
        http: { method, path: pathname },
        ...(userArn === undefined ? {} : { authorizer: { iam: { userArn } } }),
      },
    }
    const answer = await invoke(event as unknown as Parameters<typeof invoke>[0])
    assert.equal(answer.isBase64Encoded, false)
    return new Response(answer.body, { status: answer.statusCode })
  }
}
