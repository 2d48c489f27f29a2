import { z } from 'zod'
import * as shape from '../control/schemas.ts'
import { ATTEMPT, INTERVAL, PIPELINE, RUN, RUN_ID, TASK } from './examples.ts'
import { MAX_LONG_REQUEST_BYTES, type OperationName, type Route } from './route.ts'

type Looks =
  | 'plan'
  | 'changes'
  | 'pipelines'
  | 'intervals'
  | 'runs'
  | 'run'
  | 'tasks'
  | 'selection'
  | 'logs'
  | 'why'
  | 'waits'
  | 'budgets'
  | 'pools'
  | 'secrets'

const isRepeatable = () => true

/** Operations that change nothing. */
export const LOOKING: { [Name in Looks & OperationName]: Route<Name> } = {
  runs: {
    method: 'GET',
    path: '/v1/runs',
    summary: 'Lists runs, the newest first',
    answers: { 200: shape.RunPage },
    isRepeatable,
    example: {
      request: { pipeline: 'visits', statuses: ['failed'], limit: 20 },
      answer: { runs: [RUN], found: 1, all: 1, next: null },
    },
  },
  run: {
    method: 'GET',
    path: '/v1/runs/{run}',
    summary: 'Shows a run and how many of its tasks are in each status',
    answers: { 200: shape.RunDetail },
    isRepeatable,
    example: {
      request: { run: 'latest' },
      answer: { ...RUN, counts: { succeeded: 2, failed: 1 }, failure: null, outputs: [] },
    },
  },
  tasks: {
    method: 'GET',
    path: '/v1/runs/{run}/tasks',
    summary: 'Lists tasks of a run, by number',
    answers: { 200: shape.TaskPage },
    isRepeatable,
    example: {
      request: { run: RUN_ID, statuses: ['failed'] },
      answer: { tasks: [{ ...TASK, attempts: [ATTEMPT] }], next: null },
    },
  },
  selection: {
    method: 'GET',
    path: '/v1/runs/{run}/selection',
    summary: 'Counts the tasks of a selection, and how many of them each act would affect',
    answers: { 200: shape.SelectionView },
    isLong: true,
    isRepeatable,
    example: {
      request: { run: RUN_ID, where: 'status=failed family=Count' },
      answer: {
        run: RUN_ID,
        selected: 1,
        all: 3,
        counts: { failed: 1 },
        families: [{ family: 'Count', tasks: 1 }],
        moreFamilies: 0,
        affected: { retry: 1, cancel: 0, mark: 1 },
      },
    },
  },
  logs: {
    method: 'GET',
    path: '/v1/runs/{run}/logs',
    summary: 'Reads lines that attempts wrote, in order of time',
    answers: { 200: shape.LogPage },
    isLong: true,
    maxBytes: MAX_LONG_REQUEST_BYTES,
    isRepeatable,
    example: {
      request: { run: RUN_ID, task: 'Count' },
      answer: {
        run: RUN_ID,
        lines: [
          {
            at: 1_789_000_001_000,
            level: 'info',
            text: '3 rows',
            task: 'Count(date=2026-09-09)',
            number: 0,
            attempt: 1,
            line: 1,
          },
        ],
        next: '{"lines":"{\\"read\\":{\\"0.1\\":[55,1]}}","ends":[]}',
        isMore: false,
        looked: 1,
        isOpen: false,
        hasBegun: true,
        isSingle: false,
        lookAgainMs: 300,
      },
    },
  },
  why: {
    method: 'GET',
    path: '/v1/runs/{run}/why',
    summary: 'Explains why a task does not run now',
    answers: { 200: shape.Why },
    isRepeatable,
    example: {
      request: { run: RUN_ID, task: '0' },
      answer: {
        run: RUN_ID,
        task: 'Count(date=2026-09-09)',
        status: 'waiting',
        waitingSince: 1_789_000_000_000,
        unattendedSince: null,
        reasons: [{ text: 'the pool default is full: 4 of 4', until: 1_789_000_060_000 }],
      },
    },
  },
  waits: {
    method: 'GET',
    path: '/v1/runs/{run}/waits',
    summary: 'Lists what the tasks of a run wait for, beside each other',
    answers: { 200: shape.Waits },
    isRepeatable,
    example: {
      request: { run: RUN_ID },
      answer: {
        waits: [
          { task: 'Export(date=2026-09-09)', number: 1, reasons: [{ text: 'its target is not there yet' }] },
        ],
        more: 0,
      },
    },
  },
  changes: {
    method: 'GET',
    path: '/v1/changes',
    summary: 'Tells what has happened in runs since the answer before',
    answers: { 200: shape.Changes },
    isLong: true,
    isRepeatable,
    example: {
      request: { runs: [RUN_ID] },
      answer: {
        events: [
          {
            event: 'task_ended',
            run: RUN_ID,
            number: 0,
            task: 'Count(date=2026-09-09)',
            attempt: 1,
            at: 1_789_000_002_000,
            outcome: 'succeeded',
            tookMs: 1_000,
            message: null,
          },
        ],
        runs: [{ run: RUN_ID, status: 'running', isMoving: true, onlyAwaits: false }],
        next: '{"visits-2026-09-09-1":1789000000000}',
        lookAgainMs: 1_000,
      },
    },
  },
  plan: {
    method: 'POST',
    path: '/v1/plan',
    summary: 'Shows what would run, and why; starts nothing',
    answers: { 200: shape.PlanView },
    isRepeatable,
    example: {
      request: { name: 'visits', params: { date: '2026-09-09' } },
      answer: {
        plan: 1,
        pipeline: 'visits',
        root: 'Count(date=2026-09-09)',
        tasks: [
          {
            task: 'Count(date=2026-09-09)',
            family: 'Count',
            params: { date: '2026-09-09' },
            output: 'file:///data/count/2026-09-09.json',
            label: 'Count(date=2026-09-09)',
            verdict: 'run',
            reason: 'missing: file:///data/count/2026-09-09.json',
          },
        ],
        missingSecrets: [],
      },
    },
  },
  pipelines: {
    method: 'GET',
    path: '/v1/pipelines',
    summary: 'Lists pipelines with their parameters and schedules',
    answers: { 200: shape.PipelineList },
    isRepeatable,
    example: { answer: { pipelines: [PIPELINE], broken: [] } },
  },
  intervals: {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/intervals',
    summary: 'Lists intervals of a schedule in a range, and which are complete or have an open run',
    answers: { 200: shape.IntervalPage },
    isLong: true,
    isRepeatable,
    example: {
      request: { pipeline: 'visits', from: '2026-09-09', to: '2026-09-09' },
      answer: {
        all: 1,
        intervals: [{ ...INTERVAL, name: '2026-09-09 – 2026-09-10', isComplete: false, openRun: null }],
        next: null,
      },
    },
  },
  budgets: {
    method: 'GET',
    path: '/v1/budgets',
    summary: 'Lists budgets: what is spent, reserved and left',
    answers: { 200: z.array(shape.Budget) },
    isRepeatable,
    example: {
      answer: [
        {
          budget: 'api',
          limit: 1_000,
          per: 'day',
          timeZone: 'UTC',
          spent: 250,
          reserved: 10,
          left: 740,
          windowEndsAt: 1_789_084_800_000,
          blockedUntil: null,
          waiting: 0,
        },
      ],
    },
  },
  pools: {
    method: 'GET',
    path: '/v1/pools',
    summary: 'Lists pools and resources: their size, what runs, and what waits',
    answers: { 200: shape.Pools },
    isRepeatable,
    example: {
      answer: {
        pools: [{ pool: 'default', concurrency: 4, maxMemoryMb: null, running: 2, queued: 1, waiting: 0 }],
        resources: [{ resource: 'database', limit: 2, held: 1, waiting: 0 }],
      },
    },
  },
  secrets: {
    method: 'GET',
    path: '/v1/secrets',
    summary: 'Lists the names of secrets; a value is never sent',
    answers: { 200: z.array(shape.Secret) },
    isRepeatable,
    example: { answer: [{ name: 'mag/api-key', variable: 'SLUICE_SECRET_MAG_API_KEY' }] },
  },
}
