import { Duration, Fn, Stack } from 'aws-cdk-lib'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { Layout } from './layout.ts'

/** A queue and its dead-letter queue. */
export interface WithDeadLetters {
  queue: sqs.Queue
  deadLetters: sqs.Queue
}

/** Input of the queues. */
export interface QueuesProps {
  layout: Layout
  pools: string[]
  functionTimeout: Duration
  /** Names of the queues of programs, and the timeout of the function that launches them. */
  programs: string[]
  launchTimeout: Duration
}

/** Longest time that SQS keeps a message. */
const KEPT = Duration.days(14)
const TRIES = 5
/**
 * A message whose launcher was killed comes again after twice the function's timeout, because a program waits for it; so it may come as
 * long as others, it may come three times as often.
 */
const LAUNCH_VISIBILITY = 2
const LAUNCH_TRIES = 15

/** The queues of a deployment: one per pool, and one for changes that could not be handled. */
export class Queues extends Construct {
  readonly pools = new Map<string, WithDeadLetters>()
  readonly repair: WithDeadLetters
  /** Calls by schedules that could not be delivered. */
  readonly schedules: sqs.Queue
  /** Batches of the table's stream that killed their function each time. */
  readonly stream: sqs.Queue
  readonly #layout: Layout

  constructor(
    scope: Construct,
    id: string,
    { layout, pools, functionTimeout, programs, launchTimeout }: QueuesProps,
  ) {
    super(scope, id)
    this.#layout = layout
    for (const pool of pools)
      this.pools.set(pool, this.poolQueue(pool, { visibilityTimeout: makeVisibility(functionTimeout) }))
    const visibilityTimeout = Duration.seconds(launchTimeout.toSeconds() * LAUNCH_VISIBILITY)
    for (const queue of programs)
      this.pools.set(queue, this.poolQueue(queue, { visibilityTimeout, tries: LAUNCH_TRIES }))
    this.repair = queueIn(this, 'Repair', { visibilityTimeout: Duration.minutes(6) })
    this.schedules = new sqs.Queue(this, 'ScheduleDeadLetters', SAFE)
    this.stream = new sqs.Queue(this, 'StreamDeadLetters', SAFE)
  }

  /** Dead-letter queues of all pools, and of changes, schedules and the stream, each with a name for its alarm. */
  get deadLetters(): { name: string; pool?: string; queue: sqs.Queue }[] {
    return [
      ...[...this.pools].map(([pool, { deadLetters }]) => ({
        name: `Pool-${pool}`,
        pool,
        queue: deadLetters,
      })),
      { name: 'Repair', queue: this.repair.deadLetters },
      { name: 'Schedules', queue: this.schedules },
      { name: 'Stream', queue: this.stream },
    ]
  }

  /** URL of each pool's queue; of many pools the beginning that their URLs share, as that of `*`. */
  get urls(): { [pool: string]: string } {
    if (!this.#layout.isSpread)
      return Object.fromEntries([...this.pools].map(([name, { queue }]) => [name, queue.queueUrl]))
    // https://HOST/ACCOUNT/NAME
    const parts = Fn.split('/', this.repair.queue.queueUrl)
    const before = [0, 1, 2, 3].map((index) => Fn.select(index, parts))
    return { '*': Fn.join('/', [...before, this.#layout.queuePrefix]) }
  }

  /** ARNs of the queues of pools; of many pools one with a wildcard. */
  arnsOf(pools: string[]): string[] {
    if (pools.length === 0) return []
    if (!this.#layout.isSpread) return pools.flatMap((name) => this.pools.get(name)?.queue.queueArn ?? [])
    return [Stack.of(this).formatArn({ service: 'sqs', resource: `${this.#layout.queuePrefix}*` })]
  }

  private poolQueue(pool: string, props: QueueProps): WithDeadLetters {
    const scope = this.#layout.poolScope(pool, this)
    // A queue that gets a name is replaced and loses its messages, so only queues of the larger layout have names.
    const named = this.#layout.isSpread ? { queueName: `${this.#layout.queuePrefix}${pool}` } : {}
    return queueIn(scope, `Pool-${pool}`, { ...props, ...named })
  }
}

/** AWS advises six times the function's timeout: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const makeVisibility = (functionTimeout: Duration) =>
  Duration.seconds(Math.min(functionTimeout.toSeconds() * 6, 43_200))

type QueueProps = Pick<sqs.QueueProps, 'visibilityTimeout' | 'queueName'> & {
  /** How often a message is received before it is a dead letter. */
  tries?: number
}

/** A queue with its dead letters. */
function queueIn(scope: Construct, id: string, { tries = TRIES, ...props }: QueueProps): WithDeadLetters {
  const deadLetters = new sqs.Queue(scope, `${id}-DeadLetters`, SAFE)
  const queue = new sqs.Queue(scope, id, {
    ...SAFE,
    ...props,
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: tries },
  })
  return { queue, deadLetters }
}

const SAFE = { retentionPeriod: KEPT, encryption: sqs.QueueEncryption.SQS_MANAGED, enforceSSL: true }
