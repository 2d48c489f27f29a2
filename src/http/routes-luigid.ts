import type { LuigidTask } from '../control/control.ts'
import * as shape from '../control/schemas.ts'
import type { OperationName, Route } from './route.ts'

type LuigidName = 'luigid' | 'luigidTasks' | 'luigidTask' | 'luigidWorkers'

const isRepeatable = () => true

const TASK: LuigidTask = {
  id: 'Daily_2026_09_09_0f3a9c',
  task: 'Daily(date=2026-09-09)',
  family: 'Daily',
  status: 'PENDING',
  upstream: 'UPSTREAM_FAILED',
  priority: 0,
  worker: null,
  addedAt: 1_789_000_000_000,
  updatedAt: 1_789_000_000_000,
  startedAt: null,
  message: null,
  progress: null,
  trackingUrl: null,
  resources: {},
}

const WORKER = 'Worker(salt=123, workers=2, host=laptop, username=ann, pid=4711)'

/** Operations that look at Luigi's central scheduler. */
export const LUIGID: { [Name in LuigidName & OperationName]: Route<Name> } = {
  luigid: {
    method: 'GET',
    path: '/v1/luigid',
    summary: "Shows Luigi's central scheduler: its tasks by status, and its resources",
    answers: { 200: shape.Luigid },
    isRepeatable,
    example: {
      answer: {
        scheduler: {
          paused: false,
          counts: { PENDING: 1, FAILED: 1 },
          workers: 1,
          resources: [{ resource: 'database', limit: 2, held: 0 }],
        },
      },
    },
  },
  luigidTasks: {
    method: 'GET',
    path: '/v1/luigid/tasks',
    summary: "Lists tasks of Luigi's scheduler, in the order in which they came",
    answers: { 200: shape.LuigidTaskPage },
    isRepeatable,
    example: {
      request: { statuses: ['PENDING'], limit: 20 },
      answer: { tasks: [TASK], found: 1, next: null },
    },
  },
  luigidTask: {
    method: 'GET',
    path: '/v1/luigid/tasks/{task}',
    summary: "Shows a task of Luigi's scheduler, and why it does not run now",
    answers: { 200: shape.LuigidTaskDetail },
    isRepeatable,
    example: {
      request: { task: 'Daily' },
      answer: {
        ...TASK,
        module: 'reports',
        params: { date: '2026-09-09' },
        workers: [WORKER],
        reasons: [{ text: 'it depends on Load(date=2026-09-09), which is FAILED' }],
        error: null,
        dependencies: [{ id: 'Load_2026_09_09_77b1d0', task: 'Load(date=2026-09-09)', status: 'FAILED' }],
        moreDependencies: 0,
        history: [{ at: 1_789_000_000_000, status: 'PENDING', worker: null }],
      },
    },
  },
  luigidWorkers: {
    method: 'GET',
    path: '/v1/luigid/workers',
    summary: "Lists workers of Luigi's scheduler, in the order in which they came",
    answers: { 200: shape.LuigidWorkerPage },
    isRepeatable,
    example: {
      request: { limit: 20 },
      answer: {
        workers: [
          {
            worker: WORKER,
            host: 'laptop',
            processes: 2,
            firstTask: 'Daily(date=2026-09-09)',
            isAssistant: false,
            isDisabled: false,
            startedAt: 1_789_000_000_000,
            lastActiveAt: 1_789_000_005_000,
            running: 0,
            pending: 2,
          },
        ],
        next: null,
      },
    },
  },
}
