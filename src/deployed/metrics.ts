import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import type { Run } from '../core/model.ts'

/** Counts the ends of runs, as embedded metrics in the function's log; infra's alarms are on these names. */
export function runMetrics(environment: string) {
  const metrics = new Metrics({ namespace: 'Sluice', serviceName: environment })
  return (run: Run): void => {
    const took = ((run.endedAt ?? run.createdAt) - run.createdAt) / 1000
    metrics.addMetric('RunSeconds', MetricUnit.Seconds, took)
    metrics.addMetric('RunsFailed', MetricUnit.Count, run.status === 'failed' ? 1 : 0)
    metrics.addMetric('RunsEnded', MetricUnit.Count, 1)
    metrics.publishStoredMetrics()
  }
}
