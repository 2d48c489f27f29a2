import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Shape, sinksOf, upstreamsOf } from '../../bench/shapes.ts'
import { makeDynamoStore } from '../../src/adapters/dynamodb/store.ts'
import { makeMemoryPlans } from '../../src/adapters/memory/plans.ts'
import { makeSqsQueue } from '../../src/adapters/sqs/queue.ts'
import { makeSystemClock } from '../../src/adapters/system/clock.ts'
import { type FoundTask, numberPlanTasks } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import type { Delivery } from '../../src/core/ports/deciding.ts'
import type { Run } from '../../src/core/records/run.ts'
import { isRunOpen } from '../../src/core/records/status.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import type { Context } from '../../src/engine/context.ts'
import { findMakerConflicts, type Making, recordTargetMakers } from '../../src/engine/makers.ts'
import { joinOrOpenRun } from '../../src/engine/open-run.ts'
import { Worker } from '../../src/engine/work.ts'
import { type Counts, counting, itemBytes, noCounts } from '../support/aws/counting.ts'
import { clientOf, countIndexWrites, DYNAMODB_LOCAL, everyItem, freshTable } from '../support/aws/dynamodb.ts'
import { needsJava, type Server, startJava } from '../support/aws/java.ts'
import { ELASTICMQ, freshQueues } from '../support/aws/sqs.ts'
import { settings } from '../support/records.ts'
import { foundTask } from '../support/stepwise.ts'

const LOOK_EVERY = 50
/** So often the feed is looked at while the body of a chain runs; where many run at once, some end meanwhile. */
const LOOKS_OF_A_BODY = 3
const range = (size: number) => Array.from({ length: size }, (_, number) => number)
const named = (number: number) => `Touch-${String(number).padStart(64, '0')}`
const policy = { retry: { attempts: 1, delayMs: 10, backoff: 'fixed' as const } }

/** A graph of so many tasks under a root, which requires those that nothing else does. */
function graph(shape: Shape, size: number): { found: FoundTask[]; edges: number } {
  const upstreams = range(size).map((number) => upstreamsOf(shape, size, number).map(named))
  const tasks = upstreams.map((ids, number) => foundTask(named(number), policy, { upstreams: ids }))
  const root = foundTask('root', policy, { upstreams: sinksOf(shape, size).map(named) })
  return { found: [root, ...tasks], edges: upstreams.flat().length }
}

const makingsOf = (task: FoundTask): Making[] => task.outputs.map((uri) => ({ uri, task }))

/** DynamoDB and SQS as they run here. */
export type Servers = [dynamodb: Server, sqs: Server]

/** Gives each message to an invocation of its own, as Lambda does. */
function serveMessages(context: Context, { concurrency, handOnMs }: Case) {
  const { queue } = context.ports
  const taken = new Set<number>()
  let [isOver, isAdvancing, active, handingOn, looks] = [false, false, 0, 0, 0]
  const worker = new Worker(context, {
    concurrency,
    handOn: { forMs: handOnMs, mayRun: () => handOnMs > 0 },
    onStart: ({ task }) => {
      if (!taken.has(task.number)) handingOn--
    },
  })
  // A stream tells of a change later than a worker hands on, and sooner than the next body ends, however slow this machine is.
  context.ports.runner.run = async () => {
    const until = looks + (concurrency === 1 ? LOOKS_OF_A_BODY : 0)
    while (looks < until) await sleep(1)
    handingOn++
    while (isAdvancing) await sleep(1)
    return { outcome: 'succeeded' }
  }
  async function invoke(delivery: Delivery): Promise<void> {
    active++
    taken.add(delivery.message.number)
    await worker.perform(delivery)
    active--
    handingOn--
  }
  async function serve(): Promise<void> {
    while (!isOver) {
      const limit = concurrency - active
      const query = { limit, visibilityMs: 60_000, pools: { default: limit } }
      const deliveries = limit > 0 ? await queue.take(query) : []
      for (const delivery of deliveries) void invoke(delivery)
      if (deliveries.length === 0) await sleep(5)
    }
  }
  const serving = serve()
  return {
    invocations: () => taken.size,
    /** Handles what the feed tells, unless a worker is about to hand on; how many changes there were. */
    async advance(): Promise<number> {
      if (handingOn > 0) return 0
      looks++
      isAdvancing = true
      const changes = await advanceFeed(context)
      isAdvancing = false
      return changes
    },
    async stop() {
      isOver = true
      await serving
    },
  }
}

/** Runs a graph with one loop that decides and a worker, as Lambdas would, and counts what they ask for. */
async function run([dynamodb, sqs]: Servers, found: FoundTask[], each: Case) {
  const { client, table, feed, stream } = await freshTable(dynamodb)
  const queues = await freshQueues(sqs, ['default'])
  const counts = noCounts()
  const looking = makeDynamoStore(clientOf(dynamodb), table)
  let nonces = 0
  const targets = new Set<string>()
  const context: Context = {
    ports: {
      store: makeDynamoStore(counting(client, counts), table),
      feed,
      queue: makeSqsQueue(counting(queues.client, counts), {
        urls: queues.urls,
        fair: false,
        waitSeconds: 1,
      }),
      plans: makeMemoryPlans(),
      clock: makeSystemClock(),
      completeness: { areComplete: async (tasks) => tasks.map(({ id }) => targets.has(id)) },
      runner: { run: async () => ({ outcome: 'succeeded' }), extendLease() {}, async close() {} },
      random: {
        nonce: () => `00000000-0000-0000-0000-${String(++nonces).padStart(12, '0')}`,
        number: () => 0,
      },
      isGone: async () => false,
    },
    settings: settings(),
  }
  const request = { name: 'shapes', family: 'T', params: {}, significant: {} }
  const begunAt = Date.now()
  const opened = await joinOrOpenRun(context, request, async () => {
    // As planning does before anything runs.
    const makings = found.flatMap(makingsOf)
    assert.deepEqual(await findMakerConflicts(context.ports.store, makings, () => true), [])
    assert.deepEqual(await recordTargetMakers(context.ports.store, makings, () => true), [])
    return numberPlanTasks('shapes', found, Date.now())
  })
  const served = serveMessages(context, each)
  let advances = 0
  for (let looks = 0; ; looks++) {
    if ((await served.advance()) > 0) {
      advances++
      continue
    }
    await sleep(1)
    // Looking takes its time as well, and a chain is mostly waiting.
    if (looks % LOOK_EVERY > 0) continue
    const [record] = (await looking.read([keys.run(opened.run)])) as unknown as [Run]
    if (!isRunOpen(record.status)) break
  }
  await served.stop()
  const items = await everyItem(client, table)
  return {
    counts,
    /** Of `advance`, one for each batch of changes, and of the pool. */
    invocations: advances + served.invocations(),
    seconds: (Date.now() - begunAt) / 1_000,
    largest: Math.max(...items.map(itemBytes)),
    indexWrites: await countIndexWrites(dynamodb, stream),
  }
}

const sent = ({ requests }: Counts) =>
  ['SendMessageBatchCommand', 'ReceiveMessageCommand', 'DeleteMessageBatchCommand'].reduce(
    (sum, name) => sum + (requests[name] ?? 0),
    0,
  )

/** One graph, and how many requests to SQS a task of it may take. */
export interface Case {
  shape: Shape
  size: number
  concurrency: number
  /** 0: what became ready is left to the feed. */
  handOnMs: number
  sqs: number
  /** How many invocations of functions a task may take. */
  invocations: number
}

/**
 * Checks the budgets of requests per task at its first run: 11 write units (10 in a wide graph), 4 read units, and one of
 * each for each further upstream. One of each is for the record of who makes its target; later runs only read it. What
 * setting the bits of a join takes in batches is the tenth beyond.
 */
export function requestsSuite(cases: Case[]): void {
  const options = needsJava('counting the requests to DynamoDB and SQS')
  describe('requests per task', options, async () => {
    const servers = (
      options.skip ? [] : await Promise.all([DYNAMODB_LOCAL, ELASTICMQ].map(startJava))
    ) as Servers
    after(() => {
      for (const server of servers) server.stop()
    })
    for (const each of cases) {
      const { shape, size, handOnMs } = each
      it(`${shape} of ${size}, ${handOnMs > 0 ? 'handed on' : 'by the feed alone'}`, async () => {
        const { found, edges } = graph(shape, size)
        const { counts, invocations, seconds, indexWrites, largest } = await run(servers, found, each)
        const further = Math.max(0, edges - size) / size
        const per = {
          write: (counts.writeUnits + indexWrites) / size,
          read: counts.readUnits / size,
          sqs: sent(counts) / size,
          invocations: invocations / size,
        }
        console.log(`${shape} ${size}, ${handOnMs} ms: ${JSON.stringify({ ...per, largest })}`)
        assert.equal(counts.requests.QueryCommand, undefined, 'queries are not counted as units')
        assert.ok(largest < 1024, `the largest record has ${largest} bytes`)
        assert.ok(per.write <= (shape === 'wide' ? 10.2 : 11.2) + further, `${per.write} write units`)
        // A claim reads its run anew every 5 seconds, however many tasks a slow machine gets through meanwhile.
        assert.ok(per.read <= 4.1 + further + seconds / 5 / size, `${per.read} read units`)
        assert.ok(per.sqs <= each.sqs, `${per.sqs} requests to SQS`)
        assert.ok(per.invocations <= each.invocations, `${per.invocations} invocations`)
      })
    }
  })
}
