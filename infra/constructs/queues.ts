import { Duration } from 'aws-cdk-lib'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'

/** A queue, and where what cannot be handled goes. */
export interface WithDeadLetters {
  queue: sqs.Queue
  deadLetters: sqs.Queue
}

/** The longest that SQS keeps a message. */
const KEPT = Duration.days(14)
const TRIES = 5

/** The queues of a deployment: one per pool, and one for changes that could not be handled. */
export class Queues extends Construct {
  readonly pools = new Map<string, WithDeadLetters>()
  readonly repair: WithDeadLetters
  /** Firings of schedules that could not be delivered. */
  readonly schedules: sqs.Queue
  /** Batches of the table's stream that no function survived. */
  readonly stream: sqs.Queue

  constructor(scope: Construct, id: string, pools: string[], functionTimeout: Duration) {
    super(scope, id)
    // AWS advises six times the function's timeout: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    const visibility = Duration.seconds(Math.min(functionTimeout.toSeconds() * 6, 43_200))
    for (const pool of pools) this.pools.set(pool, this.queue(`Pool-${pool}`, visibility))
    this.repair = this.queue('Repair', Duration.minutes(6))
    this.schedules = this.plain('ScheduleDeadLetters')
    this.stream = this.plain('StreamDeadLetters')
  }

  /** Every queue where something lies that a person has to look at. */
  get deadLetters(): Map<string, sqs.Queue> {
    const pools = [...this.pools].map(([name, { deadLetters }]): [string, sqs.Queue] => [
      `Pool-${name}`,
      deadLetters,
    ])
    return new Map([
      ...pools,
      ['Repair', this.repair.deadLetters],
      ['Schedules', this.schedules],
      ['Stream', this.stream],
    ])
  }

  private queue(id: string, visibilityTimeout: Duration): WithDeadLetters {
    const deadLetters = this.plain(`${id}-DeadLetters`)
    const queue = new sqs.Queue(this, id, {
      ...SAFE,
      visibilityTimeout,
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: TRIES },
    })
    return { queue, deadLetters }
  }

  private plain(id: string): sqs.Queue {
    return new sqs.Queue(this, id, SAFE)
  }
}

const SAFE = { retentionPeriod: KEPT, encryption: sqs.QueueEncryption.SQS_MANAGED, enforceSSL: true }
