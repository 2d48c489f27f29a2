import * as shape from '../control/schemas.ts'
import { RUN, RUN_ID, TASK } from './examples.ts'
import type { OperationName, Route } from './route.ts'

type Draws = 'history' | 'graph' | 'graphTasks' | 'cone' | 'timeline' | 'limitUse'

const isRepeatable = () => true

const { number, task, family, status, startedAt, endedAt } = TASK
const DRAWN_TASK = { number, task, family, status, startedAt, endedAt }

/** Operations of which a page draws the answer: graphs, timelines, histories. */
export const DRAWN: { [Name in Draws & OperationName]: Route<Name> } = {
  history: {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/history',
    summary: 'Lists the last runs of a pipeline with the tasks of each family by status',
    answers: { 200: shape.History },
    isRepeatable,
    example: {
      request: { pipeline: 'visits', limit: 20 },
      answer: {
        runs: [
          {
            run: RUN.run,
            status: RUN.status,
            createdAt: RUN.createdAt,
            endedAt: RUN.endedAt,
            interval: RUN.interval,
            families: [{ family: 'Count', counts: { failed: 1 }, ran: 1, ranMs: 1_000 }],
            moreFamilies: 0,
          },
        ],
        found: 1,
        next: null,
      },
    },
  },
  graph: {
    method: 'GET',
    path: '/v1/runs/{run}/graph',
    summary: 'Shows the graph of a run, with one node for each family',
    answers: { 200: shape.RunGraph },
    isRepeatable,
    example: {
      request: { run: RUN_ID },
      answer: {
        run: RUN_ID,
        families: [
          {
            family: 'Count',
            tasks: 1,
            counts: { failed: 1 },
            startedAt: 1_789_000_001_000,
            endedAt: 1_789_000_002_000,
            ran: 1,
            ranMs: 1_000,
          },
          {
            family: 'Download',
            tasks: 2,
            counts: { succeeded: 2 },
            startedAt: 1_789_000_000_000,
            endedAt: 1_789_000_001_000,
            ran: 2,
            ranMs: 1_600,
          },
        ],
        edges: [{ from: 1, to: 0, count: 2 }],
        more: { families: 0, edges: 0 },
      },
    },
  },
  graphTasks: {
    method: 'GET',
    path: '/v1/runs/{run}/graph/tasks',
    summary: 'Shows a window of the tasks of a run or family, with the edges between them',
    answers: { 200: shape.GraphTasks },
    isRepeatable,
    example: {
      request: { run: RUN_ID, family: 'Count' },
      answer: {
        tasks: [DRAWN_TASK],
        edges: [],
        moreEdges: 0,
        outside: [{ number: 0, side: 'upstream', family: 'Download', tasks: 2 }],
        all: 1,
        next: null,
      },
    },
  },
  cone: {
    method: 'GET',
    path: '/v1/runs/{run}/graph/cone',
    summary: 'Shows a task with the nearest of what it needs and of what needs it',
    answers: { 200: shape.Cone },
    isRepeatable,
    example: {
      request: { run: RUN_ID, task: '0', limit: 1 },
      answer: {
        tasks: [
          DRAWN_TASK,
          { ...DRAWN_TASK, number: 1, task: 'Download(part=1)', family: 'Download', status: 'succeeded' },
        ],
        edges: [{ from: 1, to: 0 }],
        moreEdges: 0,
        outside: [{ number: 0, side: 'upstream', family: 'Download', tasks: 1 }],
        number: 0,
        upstreams: 2,
        dependents: 0,
        cut: [{ side: 'upstream', family: 'Download', tasks: 1 }],
      },
    },
  },
  timeline: {
    method: 'GET',
    path: '/v1/runs/{run}/timeline',
    summary: 'Lists tasks that ran within a span of time, by their start',
    answers: { 200: shape.Timeline },
    isRepeatable,
    example: {
      request: { run: RUN_ID, from: 1_789_000_000_000, to: 1_789_000_002_000 },
      answer: {
        startedAt: 1_789_000_001_000,
        endedAt: 1_789_000_002_000,
        tasks: [DRAWN_TASK],
        found: 1,
        next: null,
        load: { stepMs: 500, running: [1, 1] },
      },
    },
  },
  limitUse: {
    method: 'GET',
    path: '/v1/limits/{of}/{name}',
    summary: 'Lists the tasks that hold a pool, resource or budget, and those that wait for it',
    answers: { 200: shape.LimitUse },
    isRepeatable,
    example: {
      request: { of: 'resource', name: 'database' },
      answer: {
        of: 'resource',
        name: 'database',
        holders: [
          {
            run: RUN_ID,
            number: 1,
            task: 'Download(part=1)',
            status: 'running',
            weight: 1,
            since: 1_789_000_000_000,
          },
        ],
        moreHolders: 0,
        waiters: [
          {
            run: RUN_ID,
            number: 2,
            task: 'Download(part=2)',
            status: 'waiting',
            weight: 1,
            since: 1_789_000_000_500,
          },
        ],
        next: null,
      },
    },
  },
}
