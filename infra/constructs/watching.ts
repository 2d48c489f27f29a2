import { Duration } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import * as sns from 'aws-cdk-lib/aws-sns'
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions'
import type * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { AttemptOutcome } from '../../src/core/model.ts'
import { attemptsMetric, budgetMetric, METRICS } from '../../src/core/names.ts'
import type { Layout } from '../layout.ts'

/** Resources that are monitored. */
export interface WatchingProps {
  environment: string
  functions: { [name: string]: lambda.Function }
  queues: { [pool: string]: sqs.Queue }
  deadLetters: Map<string, sqs.Queue>
  layout: Layout
  /** Names of budgets. */
  budgets: string[]
  alarmEmail: string | undefined
}

/** The page with an article on each alarm; each is a heading. */
const RUNBOOK = 'docs/operations.md#'
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
export class Watching extends Construct {
  readonly topic: sns.Topic
  readonly #action: SnsAction
  readonly #layout: Layout

  constructor(scope: Construct, id: string, props: WatchingProps) {
    super(scope, id)
    this.#layout = props.layout
    this.topic = new sns.Topic(this, 'Alarms', { enforceSSL: true })
    this.topic.grantPublish(new iam.ServicePrincipal('cloudwatch.amazonaws.com'))
    if (props.alarmEmail !== undefined)
      this.topic.addSubscription(new subscriptions.EmailSubscription(props.alarmEmail))
    this.#action = new SnsAction(this.topic)
    this.watchQueues(props)
    this.watchFunctions(props)
    this.watchRuns(props)
    this.dashboard(props)
  }

  private watchQueues({ deadLetters, queues }: WatchingProps): void {
    for (const [name, queue] of deadLetters)
      this.alarm(`${name}-DeadLetters`, 'dead-letters', {
        pool: poolIn(name),
        metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'max' }),
        threshold: 1,
      })
    for (const [pool, queue] of Object.entries(queues))
      this.alarm(`${pool}-OldestMessage`, 'oldest-message', {
        pool,
        metric: queue.metricApproximateAgeOfOldestMessage(),
        threshold: OLDEST.toSeconds(),
      })
  }

  private watchFunctions({ functions }: WatchingProps): void {
    for (const [name, each] of Object.entries(functions)) {
      const pool = poolIn(name)
      this.alarm(`${name}-Errors`, 'function-errors', { pool, metric: each.metricErrors(), threshold: 3 })
      const metric = each.metricThrottles()
      this.alarm(`${name}-Throttles`, 'function-throttles', { pool, metric, threshold: 10 })
    }
    const advance = functions.advance
    if (advance !== undefined)
      this.alarm('Stream-Behind', 'stream-behind', {
        metric: advance.metric('IteratorAge', { statistic: 'max' }),
        threshold: BEHIND.toMilliseconds(),
      })
  }

  private watchRuns({ environment, budgets }: WatchingProps): void {
    const own = (name: string, statistic: string) => this.own(environment, name, statistic)
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
        metric: own(budgetMetric(name), 'max'),
        threshold: NEARLY_SPENT_PERCENT,
      })
  }

  /** A metric that functions and containers write into their logs. */
  private own(environment: string, metricName: string, statistic: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { service: environment },
      statistic,
    })
  }

  /** A line for each state machine of the deployment, by a search, because the number of metrics in a widget is bounded. */
  private machines(metricName: string): cloudwatch.MathExpression {
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
      alarmDescription: `What it means and what to do: ${RUNBOOK}${article}`,
    })
    alarm.addAlarmAction(this.#action)
  }

  private dashboard({ environment, functions, queues }: WatchingProps): void {
    const graph = (title: string, left: cloudwatch.IMetric[]) =>
      new cloudwatch.GraphWidget({ title, left, width: 12 })
    const board = new cloudwatch.Dashboard(this, 'Dashboard', { dashboardName: `sluice-${environment}` })
    board.addWidgets(
      graph('Runs started', [this.machines('ExecutionsStarted')]),
      graph('Runs failed', [this.machines('ExecutionsFailed')]),
      graph(
        'Attempts that did not succeed, by cause',
        CAUSES.map((cause) => this.own(environment, attemptsMetric(cause), 'sum')),
      ),
      graph('Seconds of a run', [this.own(environment, METRICS.runSeconds, 'p90')]),
      graph(
        'Messages waiting',
        Object.values(queues).map((queue) => queue.metricApproximateNumberOfMessagesVisible()),
      ),
      graph(
        'Age of the oldest message',
        Object.values(queues).map((queue) => queue.metricApproximateAgeOfOldestMessage()),
      ),
      graph(
        'Errors of functions',
        Object.values(functions).map((each) => each.metricErrors()),
      ),
      graph(
        'Duration of functions',
        Object.values(functions).map((each) => each.metricDuration()),
      ),
    )
  }
}

/** The pool of a queue or function: `Pool-heavy`, `pool-heavy`. */
const poolIn = (name: string): string | undefined => /^pool-(.+)$/i.exec(name)?.[1]
