import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type * as sqs from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { METRICS, makeAttemptsMetricName } from '../src/core/names.ts'
import type { AttemptOutcome } from '../src/core/records/status.ts'
import type { ConsolePages } from './constructs/console-pages.ts'
import type { Foundation } from './foundation.ts'

/** What a dashboard shows. */
export interface DashboardProps {
  foundation: Foundation
  /** State machines: ARNs by name. */
  machines: Map<string, string>
  functions: lambda.Function[]
  pages: ConsolePages
  /** A metric that functions and containers write into their logs. */
  ownMetric(name: string, statistic: string): cloudwatch.Metric
}

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
/** State machines that are named one by one, each three times: a template has a megabyte at most, and a graph few colours. */
const MOST_NAMED = 100
/** Columns of a dashboard. */
const WIDTH = 24
const LINKS_HEIGHT = 4

/** Adds the dashboard of a deployment. It has the name of the stack, because an account has one of each name. */
export function addDashboard(scope: Construct, props: DashboardProps): void {
  const { foundation, functions, ownMetric } = props
  const graph = (title: string, left: cloudwatch.IMetric[]) =>
    new cloudwatch.GraphWidget({ title, left, width: WIDTH / 2 })
  const queues: sqs.IQueue[] = [...foundation.queues.pools.values()].map(({ queue }) => queue)
  const board = new cloudwatch.Dashboard(scope, 'Dashboard', { dashboardName: foundation.layout.stackName })
  board.addWidgets(
    graph('Runs started', machineMetrics(props, 'ExecutionsStarted')),
    graph('Runs failed', machineMetrics(props, 'ExecutionsFailed')),
    graph(
      'Attempts that did not succeed, by cause',
      CAUSES.map((cause) => ownMetric(makeAttemptsMetricName(cause), 'sum')),
    ),
    graph('Seconds of a run', [ownMetric(METRICS.runSeconds, 'p90')]),
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
    new cloudwatch.TextWidget({ markdown: linksText(props), width: WIDTH, height: LINKS_HEIGHT }),
  )
}

/**
 * A line for each state machine, by its ARN, so that a stack `data` does not show those of a stack `data-eu`. If they are
 * many, a search for the beginning of their names.
 */
function machineMetrics({ foundation, machines }: DashboardProps, metricName: string): cloudwatch.IMetric[] {
  if (machines.size <= MOST_NAMED)
    return [...machines].map(
      ([label, StateMachineArn]) =>
        new cloudwatch.Metric({
          namespace: 'AWS/States',
          metricName,
          dimensionsMap: { StateMachineArn },
          statistic: 'Sum',
          label,
        }),
    )
  const names = `StateMachineArn="stateMachine:${foundation.layout.prefix}"`
  return [
    new cloudwatch.MathExpression({
      expression: `SEARCH('{AWS/States,StateMachineArn} MetricName="${metricName}" ${names}', 'Sum', 300)`,
      usingMetrics: {},
      label: '',
    }),
  ]
}

function linksText({ foundation, machines, pages }: DashboardProps): string {
  const { tableName } = foundation.records.table
  const machineLinks =
    machines.size <= MOST_NAMED
      ? [...machines].map(([name, arn]) => `[${name}](${pages.stateMachine(arn)})`).join(' · ')
      : `[all](${pages.stateMachines()})`
  return `State machines: ${machineLinks}\n\nRecords: [table](${pages.table(tableName)})`
}
