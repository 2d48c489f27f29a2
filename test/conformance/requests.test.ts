import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { dynamoStore } from '../../src/adapters/dynamodb/store.ts'
import { memoryPlans } from '../../src/adapters/memory/plans.ts'
import { sqsQueue } from '../../src/adapters/sqs/queue.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { type FoundTask, numberPlan } from '../../src/core/graph.ts'
import { isOpen, keys, type Run } from '../../src/core/model.ts'
import { advance } from '../../src/engine/advance.ts'
import type { Context } from '../../src/engine/context.ts'
import { openRun } from '../../src/engine/open-run.ts'
import { Worker } from '../../src/engine/work.ts'
import { type Counts, counting, itemBytes, noCounts } from '../support/aws/counting.ts'
import { countIndexWrites, DYNAMODB_LOCAL, everyItem, freshTable } from '../support/aws/dynamodb.ts'
import { needsJava, startJava } from '../support/aws/java.ts'
import { ELASTICMQ, freshQueues } from '../support/aws/sqs.ts'
import { settings } from '../support/records.ts'
import { foundTask } from '../support/stepwise.ts'

const options = needsJava('counting the requests to DynamoDB and SQS')
const servers =
  options.skip === undefined ? await Promise.all([DYNAMODB_LOCAL, ELASTICMQ].map(startJava)) : []
after(() => {
  for (const server of servers) server.stop()
})

const LAYER = 100
const LOOK_EVERY = 50
const range = (size: number) => Array.from({ length: size }, (_, number) => number)
const named = (number: number) => `Touch-${String(number).padStart(64, '0')}`
const policy = { retry: { attempts: 1, delayMs: 10, backoff: 'fixed' as const } }

const SHAPES = {
  wide: () => [],
  layered: (number: number) =>
    number < LAYER
      ? []
      : [0, 1, 2].map((each) => number - LAYER - (number % LAYER) + ((number + each * 7) % LAYER)),
  chain: (number: number) => (number === 0 ? [] : [number - 1]),
}

/** A graph of so many tasks under a root, which requires those that nothing else does. */
function graph(shape: keyof typeof SHAPES, size: number): { found: FoundTask[]; edges: number } {
  const upstreams = range(size).map((number) => SHAPES[shape](number).map(named))
  const required = new Set(upstreams.flat())
  const sinks = range(size)
    .map(named)
    .filter((id) => !required.has(id))
  const tasks = upstreams.map((ids, number) => foundTask(named(number), policy, { upstreams: ids }))
  return {
    found: [foundTask('root', policy, { upstreams: sinks }), ...tasks],
    edges: upstreams.flat().length,
  }
}

/** Runs a graph with one loop that decides and a worker, as Lambdas would, and counts what they ask for. */
async function run(found: FoundTask[], concurrency: number) {
  const [dynamodb, sqs] = servers as [(typeof servers)[number], (typeof servers)[number]]
  const { client, table, feed, stream } = await freshTable(dynamodb)
  const queues = await freshQueues(sqs, ['default'])
  const counts = noCounts()
  const looking = dynamoStore((await freshTable(dynamodb)).client, table)
  let nonces = 0
  const targets = new Set<string>()
  const context: Context = {
    ports: {
      store: dynamoStore(counting(client, counts), table),
      feed,
      queue: sqsQueue(counting(queues.client, counts), { urls: queues.urls, fair: false, waitSeconds: 1 }),
      plans: memoryPlans(),
      clock: systemClock(),
      completeness: { areComplete: async (tasks) => tasks.map(({ id }) => targets.has(id)) },
      runner: { run: async () => ({ outcome: 'succeeded' }), beat() {}, async close() {} },
      chance: {
        nonce: () => `00000000-0000-0000-0000-${String(++nonces).padStart(12, '0')}`,
        random: () => 0,
      },
      isGone: async () => false,
    },
    settings: settings(),
  }
  const request = { name: 'shapes', family: 'T', params: {}, significant: {} }
  const opened = await openRun(context, request, async () => numberPlan('shapes', found, Date.now()))
  const worker = new Worker(context, { concurrency })
  const working = worker.run()
  for (let looks = 0; ; looks++) {
    if ((await advance(context)) > 0) continue
    // Looking takes its time as well, and a chain is mostly waiting.
    if (looks % LOOK_EVERY > 0) continue
    const [record] = (await looking.read([keys.run(opened.run)])) as unknown as [Run]
    if (!isOpen(record.status)) break
  }
  worker.stop()
  await working
  const items = await everyItem(client, table)
  return {
    counts,
    largest: Math.max(...items.map(itemBytes)),
    indexWrites: await countIndexWrites(dynamodb, stream),
  }
}

const sent = ({ requests }: Counts) =>
  ['SendMessageBatchCommand', 'ReceiveMessageCommand', 'DeleteMessageBatchCommand'].reduce(
    (sum, name) => sum + (requests[name] ?? 0),
    0,
  )

/** Budgets per task: `aws.md` of the design. SQS: one delete each, and sends and receipts by ten where batches fill. */
const CASES = [
  { shape: 'wide', size: 1_000, concurrency: 10, sqs: 2.2 },
  { shape: 'layered', size: 1_000, concurrency: 10, sqs: 2.2 },
  { shape: 'chain', size: 1_000, concurrency: 1, sqs: 3.2 },
  { shape: 'wide', size: 10_000, concurrency: 50, sqs: 2.2 },
] as const

describe('requests per task', options, () => {
  for (const { shape, size, concurrency, sqs } of CASES)
    it(`${shape} of ${size}`, async () => {
      const { found, edges } = graph(shape, size)
      const { counts, indexWrites, largest } = await run(found, concurrency)
      const further = Math.max(0, edges - size) / size
      const per = {
        write: (counts.writeUnits + indexWrites) / size,
        read: counts.readUnits / size,
        sqs: sent(counts) / size,
      }
      console.log(
        `${shape} ${size}: ${JSON.stringify({ ...per, largest })} ${JSON.stringify(counts.requests)}`,
      )
      assert.ok(largest < 1024, `the largest record has ${largest} bytes`)
      assert.ok(per.write <= 10.2 + further, `${per.write} write units`)
      assert.ok(per.read <= 3.1 + further, `${per.read} read units`)
      assert.ok(per.sqs <= sqs, `${per.sqs} requests to SQS`)
    })
})
