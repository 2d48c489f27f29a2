import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { METRICS, makeAttemptsMetricName, makeBudgetMetricName } from '../../core/names.ts'
import type { Run } from '../../core/records/run.ts'
import type { Context } from '../../engine/context.ts'
import type { WorkEvents } from '../../engine/work.ts'
import type { TickParts } from './handlers/tick.ts'

// Embedded metrics in the function's log. The stack tells deployments apart: each project has an environment `prod`.
const makeMetrics = (stack: string) => new Metrics({ namespace: METRICS.namespace, serviceName: stack })

/** Counts the ends of runs. */
export function makeRunMetrics(stack: string) {
  const metrics = makeMetrics(stack)
  return (run: Run): void => {
    const took = ((run.endedAt ?? run.createdAt) - run.createdAt) / 1000
    metrics.addMetric(METRICS.runSeconds, MetricUnit.Seconds, took)
    metrics.addMetric(METRICS.runsFailed, MetricUnit.Count, run.status === 'failed' ? 1 : 0)
    metrics.addMetric(METRICS.runsEnded, MetricUnit.Count, 1)
    metrics.publishStoredMetrics()
  }
}

/** Counts attempts that did not succeed, by their cause; in the log of the function or container that ran them. */
export function makeAttemptMetrics(stack: string): NonNullable<WorkEvents['onEnd']> {
  const metrics = makeMetrics(stack)
  return (_, { outcome }) => {
    if (outcome === 'succeeded') return
    metrics.addMetric(makeAttemptsMetricName(outcome), MetricUnit.Count, 1)
    metrics.publishStoredMetrics()
  }
}

/** Counts launches that were throttled or refused, and jobs that never came to life. */
export function makeLaunchMetrics(stack: string): NonNullable<Context['onLaunchTrouble']> {
  const metrics = makeMetrics(stack)
  return () => {
    metrics.addMetric(METRICS.launchTrouble, MetricUnit.Count, 1)
    metrics.publishStoredMetrics()
  }
}

/** Keeps how budgets stand, each as a metric of its own, how launches fail, how old the oldest run is, and what was repaired. */
export function makeTickMetrics(stack: string): TickParts['keep'] {
  const metrics = makeMetrics(stack)
  return ({ budgets, failedLaunches, oldestRunHours, repaired }) => {
    metrics.addMetric(METRICS.failedLaunches, MetricUnit.Count, failedLaunches)
    if (oldestRunHours !== undefined)
      metrics.addMetric(METRICS.oldestRunHours, MetricUnit.NoUnit, oldestRunHours)
    if (repaired !== undefined) metrics.addMetric(METRICS.recordsRepaired, MetricUnit.Count, repaired)
    for (const [name, use] of Object.entries(budgets))
      metrics.addMetric(makeBudgetMetricName(name), MetricUnit.Percent, 100 * use)
    metrics.publishStoredMetrics()
  }
}
