import type { z } from 'zod'
import type { RunShape, TaskShape } from '../control/control.ts'
import type * as shape from '../control/schemas.ts'

/** The run of the examples; all shapes of this file tell one story. */
export const RUN_ID = 'visits-2026-09-09-1'

/** The interval of the example's run. */
export const INTERVAL = { start: 1_788_912_000_000, end: 1_788_998_400_000 }

/** The example of a run. */
export const RUN: RunShape = {
  run: RUN_ID,
  name: 'visits',
  params: { date: '2026-09-09' },
  status: 'failed',
  createdAt: 1_789_000_000_000,
  endedAt: 1_789_000_005_000,
  tasks: 3,
  interval: INTERVAL,
  forced: null,
  startedBy: { kind: 'schedule', name: 'visits' },
  cancelledAt: null,
  cancelledBy: null,
  unattendedSince: null,
}

/** The example of an attempt that failed. */
export const ATTEMPT: z.output<typeof shape.Attempt> = {
  attempt: 1,
  outcome: 'failed',
  startedAt: 1_789_000_001_000,
  endedAt: 1_789_000_002_000,
  failure: { outcome: 'failed', message: 'the file has no rows' },
  parts: { queuedMs: 40, runMs: 1_000 },
  tail: 'reading 2026-09-09.csv',
}

/** The example of a task. */
export const TASK: TaskShape = {
  number: 0,
  task: 'Count(date=2026-09-09)',
  id: 'Count-0f3a9c',
  family: 'Count',
  params: { date: '2026-09-09' },
  status: 'failed',
  attempt: 1,
  startedAt: 1_789_000_001_000,
  endedAt: 1_789_000_002_000,
  peakMemoryBytes: 41_000_000,
  cpuSeconds: 0.4,
  image: null,
  worker: 'laptop/4711',
  code: null,
  memoryMb: null,
  pool: 'default',
  priority: 0,
  counts: { failed: 1 },
  waitingSince: null,
  notBefore: null,
  waitsFor: null,
  cancelledAt: null,
  cancelledBy: null,
  markedAt: null,
  markedBy: null,
  progress: null,
  failure: { outcome: 'failed', message: 'the file has no rows' },
  outputs: ['file:///data/count/2026-09-09.json'],
  result: null,
  launch: null,
  usage: null,
  parts: { queuedMs: 40, launchMs: 10, startMs: 90, runMs: 900 },
  attempts: [],
}

/** The example of a pipeline. */
export const PIPELINE: z.output<typeof shape.Pipeline> = {
  name: 'visits',
  root: 'Count',
  description: 'Counts the visits of a day',
  source: 'pipelines/visits.ts',
  params: [
    {
      name: 'date',
      flag: '--date',
      kind: 'day',
      required: true,
      significant: true,
      schema: { type: 'string', format: 'date' },
    },
  ],
  schedule: {
    cron: '0 0 * * *',
    timeZone: 'UTC',
    paused: false,
    nextAt: 1_789_084_800_000,
    problem: null,
    open: 0,
    failing: 0,
    givenUp: 0,
  },
}
