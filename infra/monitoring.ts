import { Duration } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sns from 'aws-cdk-lib/aws-sns'
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions'
import type * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { METRICS, makeAttemptsMetricName, makeBudgetMetricName } from '../src/core/names.ts'
import type { AttemptOutcome } from '../src/core/records/status.ts'
import type { Decider } from '../src/define/deployment-options.ts'
import type { Foundation } from './foundation.ts'
import type { Layout } from './layout.ts'
import type { LambdaPool } from './pools.ts'
import type { Queues } from './queues.ts'

/** Resources that are monitored. */
export interface MonitoringProps {
  foundation: Foundation
  pools: LambdaPool[]
  functions: { [D in Decider]: lambda.Function }
}

/** The page of this package with an article on each alarm; each is a heading. */
const RUNBOOK = 'docs/operations.md'
/** Outcomes of attempts that the dashboard shows. */
const CAUSES = [
  'failed',
  'timed_out',
  'out_of_memory',
  'lost',
  'interrupted',
  'not_started',
  'throttled',
  'over_budget',
] satisfies AttemptOutcome[]
const OLDEST = Duration.hours(1)
const BEHIND = Duration.minutes(5)
const STUCK = Duration.hours(24)
const NEARLY_SPENT_PERCENT = 90
/** Failed starts in a row. A single one is often the fault of a host; three are not. */
const FAILED_LAUNCHES = 3

/** Alarms, each with its article in the runbook, to one topic; and a dashboard. */
export class Monitoring extends Construct {
  readonly topic: sns.Topic
  readonly #action: SnsAction
  readonly #layout: Layout
  /** Value of the dimension that all metrics of the deployment have. */
  readonly #service: string
  readonly #runbook: string

  constructor(scope: Construct, id: string, { foundation, pools, functions }: MonitoringProps) {
    super(scope, id)
    const { layout, project } = foundation
    this.#layout = layout
    this.#service = project.name
    this.#runbook = project.environment.runbook ?? RUNBOOK
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
    this.alarmOnFunctions(all, functions.advance)
    this.alarmOnRuns(project.budgets)
    this.addDashboard(
      [...foundation.queues.pools.values()].map(({ queue }) => queue),
      all.map((each) => each.function),
    )
  }

  private alarmOnQueues({ deadLetters, pools }: Queues): void {
    for (const { name, pool, queue } of deadLetters)
      this.alarm(`${name}-DeadLetters`, 'dead-letters', {
        pool,
        metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'max' }),
        threshold: 1,
      })
    for (const [pool, { queue }] of pools)
      this.alarm(`${pool}-OldestMessage`, 'oldest-message', {
        pool,
        metric: queue.metricApproximateAgeOfOldestMessage(),
        threshold: OLDEST.toSeconds(),
      })
  }

  private alarmOnFunctions(
    functions: { name: string; pool?: string; function: lambda.Function }[],
    advance: lambda.Function,
  ): void {
    for (const { name, pool, function: each } of functions) {
      this.alarm(`${name}-Errors`, 'function-errors', { pool, metric: each.metricErrors(), threshold: 3 })
      const metric = each.metricThrottles()
      this.alarm(`${name}-Throttles`, 'function-throttles', { pool, metric, threshold: 10 })
    }
    this.alarm('Stream-Behind', 'stream-behind', {
      metric: advance.metric('IteratorAge', { statistic: 'max' }),
      threshold: BEHIND.toMilliseconds(),
    })
  }

  private alarmOnRuns(budgets: string[]): void {
    const own = (name: string, statistic: string) => this.ownMetric(name, statistic)
    this.alarm('Runs-Failed', 'runs-failed', { metric: own(METRICS.runsFailed, 'sum'), threshold: 1 })
    this.alarm('Containers-Not-Starting', 'containers-not-starting', {
      metric: own(METRICS.failedLaunches, 'max'),
      threshold: FAILED_LAUNCHES,
    })
    // The metric is written once an hour.
    const oldest = own(METRICS.oldestRunHours, 'max').with({ period: Duration.hours(1) })
    this.alarm('Runs-Stuck', 'runs-stuck', { metric: oldest, threshold: STUCK.toHours() })
    this.alarm('Records-Repaired', 'records-repaired', {
      metric: own(METRICS.recordsRepaired, 'sum').with({ period: Duration.hours(1) }),
      threshold: 1,
    })
    for (const name of budgets)
      this.alarm(`Budget-${name}`, 'budget-nearly-spent', {
        metric: own(makeBudgetMetricName(name), 'max'),
        threshold: NEARLY_SPENT_PERCENT,
      })
  }

  /** A metric that functions and containers write into their logs. */
  private ownMetric(metricName: string, statistic: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { service: this.#service },
      statistic,
    })
  }

  /** A line for each state machine of the deployment, by a search, because the number of metrics in a widget is bounded. */
  private machinesMetric(metricName: string): cloudwatch.MathExpression {
    const names = `StateMachineArn="stateMachine:${this.#layout.anyPrefix}"`
    return new cloudwatch.MathExpression({
      expression: `SEARCH('{AWS/States,StateMachineArn} MetricName="${metricName}" ${names}', 'Sum', 300)`,
      usingMetrics: {},
      label: '',
    })
  }

  private alarm(
    id: string,
    article: string,
    { pool, metric, threshold }: { pool?: string | undefined; metric: cloudwatch.IMetric; threshold: number },
  ) {
    const scope = pool === undefined ? this : this.#layout.poolScope(pool, this)
    const alarm = new cloudwatch.Alarm(scope, id, {
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription: `What it means and what to do: ${this.#runbook}#${article}`,
    })
    alarm.addAlarmAction(this.#action)
  }

  private addDashboard(queues: sqs.IQueue[], functions: lambda.Function[]): void {
    const graph = (title: string, left: cloudwatch.IMetric[]) =>
      new cloudwatch.GraphWidget({ title, left, width: 12 })
    const board = new cloudwatch.Dashboard(this, 'Dashboard', { dashboardName: `sluice-${this.#service}` })
    board.addWidgets(
      graph('Runs started', [this.machinesMetric('ExecutionsStarted')]),
      graph('Runs failed', [this.machinesMetric('ExecutionsFailed')]),
      graph(
        'Attempts that did not succeed, by cause',
        CAUSES.map((cause) => this.ownMetric(makeAttemptsMetricName(cause), 'sum')),
      ),
      graph('Seconds of a run', [this.ownMetric(METRICS.runSeconds, 'p90')]),
      graph(
        'Messages waiting',
        queues.map((queue) => queue.metricApproximateNumberOfMessagesVisible()),
      ),
      graph(
        'Age of the oldest message',
        queues.map((queue) => queue.metricApproximateAgeOfOldestMessage()),
      ),
      graph(
        'Errors of functions',
        functions.map((each) => each.metricErrors()),
      ),
      graph(
        'Duration of functions',
        functions.map((each) => each.metricDuration()),
      ),
    )
  }
}
