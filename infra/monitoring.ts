import { Duration } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sns from 'aws-cdk-lib/aws-sns'
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import { METRICS, makeBudgetMetricName } from '../src/core/names.ts'
import type { Decider } from '../src/define/deployment-options.ts'
import { type ConsolePages, makeConsolePages } from './constructs/console-pages.ts'
import type { Containers } from './containers.ts'
import { addDashboard } from './dashboard.ts'
import type { Foundation } from './foundation.ts'
import type { Layout } from './layout.ts'
import type { LambdaPool } from './pools.ts'
import type { Queues } from './queues.ts'
import { findRunbook } from './runbook.ts'

/** Functions that decide; programs are launched only if the project has containers. */
type MonitoredFunctions = { [D in Exclude<Decider, 'launch-programs'>]: lambda.Function } & {
  'launch-programs'?: lambda.Function
}

/** Resources that are monitored. */
export interface MonitoringProps {
  foundation: Foundation
  pools: LambdaPool[]
  containers: Containers | undefined
  functions: MonitoredFunctions
  /** State machines: ARNs by name. */
  machines: Map<string, string>
}

/** When an alarm goes off, and what to do then. */
interface AlarmProps {
  /** The heading of its article in the runbook. */
  article: string
  /** Pages of the AWS console to look at. */
  see: string[]
  /** The pool that it is about. @default the whole deployment */
  pool?: string | undefined
  metric: cloudwatch.IMetric
  threshold: number
  /** How many periods in a row. @default 1 */
  periods?: number
}

const OLDEST = Duration.hours(1)
const BEHIND = Duration.minutes(5)
const STUCK = Duration.hours(24)
const NEARLY_SPENT_PERCENT = 90
/** Failed starts in a row. A single one is often the fault of a host; three are not. */
const FAILED_LAUNCHES = 3
/** Launches that were throttled, refused or came to nothing in each five minutes; a burst that is throttled is over sooner. */
const LAUNCH_TROUBLES = 3
const TROUBLED_PERIODS = 3

/** Alarms, each with its article in the runbook and the page of the AWS console to look at, to one topic; and a dashboard. */
export class Monitoring extends Construct {
  readonly topic: sns.Topic
  readonly #action: SnsAction
  readonly #layout: Layout
  readonly #pages: ConsolePages
  readonly #runbook: string

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id)
    const { foundation, pools, functions } = props
    const { layout, project } = foundation
    this.#layout = layout
    this.#pages = makeConsolePages(this)
    this.#runbook = project.environment.runbook ?? findRunbook()
    this.topic = new sns.Topic(this, 'Alarms', { enforceSSL: true })
    this.topic.grantPublish(new iam.ServicePrincipal('cloudwatch.amazonaws.com'))
    if (project.environment.alarmEmail !== undefined)
      this.topic.addSubscription(new subscriptions.EmailSubscription(project.environment.alarmEmail))
    this.#action = new SnsAction(this.topic)
    const all = [
      ...pools.map(({ name, ...pool }) => ({ name: `pool-${name}`, pool: name, function: pool.function })),
      ...Object.entries(functions).map(([name, each]) => ({ name, function: each })),
    ]
    this.alarmOnQueues(foundation.queues)
    this.alarmOnFunctions(all, props)
    this.alarmOnRuns(props)
    addDashboard(this, {
      foundation,
      machines: props.machines,
      functions: all.map((each) => each.function),
      pages: this.#pages,
      ownMetric: (name, statistic) => this.ownMetric(name, statistic),
    })
  }

  private alarmOnQueues({ deadLetters, pools }: Queues): void {
    for (const { name, pool, queue } of deadLetters)
      this.alarm(`${name}-DeadLetters`, {
        article: 'dead-letters',
        see: [this.#pages.queue(queue.queueUrl)],
        pool,
        metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'max' }),
        threshold: 1,
      })
    for (const [pool, { queue }] of pools)
      this.alarm(`${pool}-OldestMessage`, {
        article: 'oldest-message',
        see: [this.#pages.queue(queue.queueUrl)],
        pool,
        metric: queue.metricApproximateAgeOfOldestMessage(),
        threshold: OLDEST.toSeconds(),
      })
  }

  private alarmOnFunctions(
    functions: { name: string; pool?: string; function: lambda.Function }[],
    { foundation, functions: { advance } }: MonitoringProps,
  ): void {
    for (const { name, pool, function: each } of functions) {
      this.alarm(`${name}-Errors`, {
        article: 'function-errors',
        see: [this.logOf(each)],
        pool,
        metric: each.metricErrors(),
        threshold: 3,
      })
      this.alarm(`${name}-Throttles`, {
        article: 'function-throttles',
        see: [this.#pages.function(each.functionName)],
        pool,
        metric: each.metricThrottles(),
        threshold: 10,
      })
    }
    this.alarm('Stream-Behind', {
      article: 'stream-behind',
      see: [this.logOf(advance), this.#pages.table(foundation.records.table.tableName)],
      metric: advance.metric('IteratorAge', { statistic: 'max' }),
      threshold: BEHIND.toMilliseconds(),
    })
  }

  private logOf({ logGroup }: lambda.Function): string {
    return this.#pages.logGroup(logGroup.logGroupName)
  }

  private alarmOnRuns({ foundation, containers, functions }: MonitoringProps): void {
    const own = (name: string, statistic: string) => this.ownMetric(name, statistic)
    const dashboard = [this.#pages.dashboard(this.#layout.stackName)]
    this.alarm('Runs-Failed', {
      article: 'runs-failed',
      see: dashboard,
      metric: own(METRICS.runsFailed, 'sum'),
      threshold: 1,
    })
    this.alarm('Containers-Not-Starting', {
      article: 'containers-not-starting',
      see: containers === undefined ? [] : [this.#pages.cluster(containers.cluster.clusterName)],
      metric: own(METRICS.failedLaunches, 'max'),
      threshold: FAILED_LAUNCHES,
    })
    this.alarm('Launches-Failing', {
      article: 'launches-failing',
      see: containers === undefined ? [] : [this.#pages.cluster(containers.cluster.clusterName)],
      metric: own(METRICS.launchTrouble, 'sum'),
      threshold: LAUNCH_TROUBLES,
      periods: TROUBLED_PERIODS,
    })
    // These metrics are written once an hour.
    const hourly = { period: Duration.hours(1) }
    this.alarm('Runs-Stuck', {
      article: 'runs-stuck',
      see: dashboard,
      metric: own(METRICS.oldestRunHours, 'max').with(hourly),
      threshold: STUCK.toHours(),
    })
    this.alarm('Records-Repaired', {
      article: 'records-repaired',
      see: [this.logOf(functions.tick), this.logOf(functions.advance)],
      metric: own(METRICS.recordsRepaired, 'sum').with(hourly),
      threshold: 1,
    })
    for (const name of foundation.project.budgets)
      this.alarm(`Budget-${name}`, {
        article: 'budget-nearly-spent',
        see: dashboard,
        metric: own(makeBudgetMetricName(name), 'max'),
        threshold: NEARLY_SPENT_PERCENT,
      })
  }

  /** A metric that functions and containers write into their logs. */
  private ownMetric(metricName: string, statistic: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { service: this.#layout.stackName },
      statistic,
    })
  }

  private alarm(id: string, { article, see, pool, metric, threshold, periods = 1 }: AlarmProps): void {
    const scope = pool === undefined ? this : this.#layout.poolScope(pool, this)
    const alarm = new cloudwatch.Alarm(scope, id, {
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription: [`What it means and what to do: ${this.#runbook}#${article}`, ...see].join('\n'),
    })
    alarm.addAlarmAction(this.#action)
  }
}
