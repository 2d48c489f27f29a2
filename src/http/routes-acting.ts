import { z } from 'zod'
import * as shape from '../control/schemas.ts'
import { isRunOpen } from '../core/records/status.ts'
import { RUN_ID } from './examples.ts'
import {
  type AnswerOf,
  MAX_LONG_REQUEST_BYTES,
  type OperationName,
  type Route,
  type Status,
} from './route.ts'
import type { DRAWN } from './routes-drawn.ts'
import type { LOOKING } from './routes-looking.ts'
import type { LUIGID } from './routes-luigid.ts'

type Acts = Exclude<OperationName, keyof typeof LOOKING | keyof typeof DRAWN | keyof typeof LUIGID>

const always = () => true
const never = () => false

/** 201 for a run that was opened, 409 for what has to be confirmed, 202 for what goes on. */
function decideActStatus(answer: AnswerOf<'start' | 'retry' | 'mark' | 'prune'>): Status {
  if ('opened' in answer) return answer.opened ? 201 : 200
  if ('affected' in answer) return 409
  return 'run' in answer && answer.status === 'running' ? 202 : 200
}

/** Operations that change something. */
export const ACTING: { [Name in Acts]: Route<Name> } = {
  start: {
    method: 'POST',
    path: '/v1/runs',
    summary: 'Opens a run, or joins the open run of the same request',
    answers: { 200: shape.Started, 201: shape.Opened },
    statusOf: decideActStatus,
    maxBytes: MAX_LONG_REQUEST_BYTES,
    // What is forced would be made twice.
    isRepeatable: (request) => 'plan' in request || request.force === undefined,
    example: {
      request: { name: 'visits', params: { date: '2026-09-09' } },
      answer: { run: RUN_ID, opened: true },
    },
  },
  retry: {
    method: 'POST',
    path: '/v1/runs/{run}/retry',
    summary: 'Opens the next run of a request, or a run of one of its tasks',
    answers: {
      200: z.union([shape.Opened, shape.AllComplete]),
      201: shape.Opened,
      202: shape.Stopping,
      409: shape.Unconfirmed,
    },
    statusOf: decideActStatus,
    isRepeatable: never,
    example: {
      request: { run: RUN_ID, task: 'Count' },
      answer: { run: 'visits-2026-09-09-2', opened: true },
    },
  },
  cancel: {
    method: 'POST',
    path: '/v1/runs/{run}/cancel',
    summary: 'Stops a run, and waits up to 15 s for its bodies to stop',
    answers: { 200: shape.Cancelled, 202: shape.Cancelled },
    statusOf: ({ status }) => (isRunOpen(status) ? 202 : 200),
    isRepeatable: never,
    example: { request: { run: RUN_ID }, answer: { run: RUN_ID, status: 'cancelled' } },
  },
  mark: {
    method: 'POST',
    path: '/v1/runs/{run}/mark',
    summary: 'Counts a task as succeeded though its target is not there',
    answers: { 200: shape.MarkResult, 201: shape.Opened },
    statusOf: decideActStatus,
    isRepeatable: never,
    example: {
      request: { run: RUN_ID, task: 'Count' },
      answer: { run: RUN_ID, task: 'Count(date=2026-09-09)', status: 'succeeded' },
    },
  },
  retrySelected: {
    method: 'POST',
    path: '/v1/runs/{run}/selection/retry',
    summary: 'Opens a run of the selected tasks that have failed, were cancelled or did not run',
    answers: { 200: shape.Started, 201: shape.Opened },
    statusOf: decideActStatus,
    // The same selection of the same run joins the run that was opened for it.
    isRepeatable: always,
    example: {
      request: { run: RUN_ID, where: 'status=failed family=Count', atMost: 1 },
      answer: { run: 'visits-3f2a1c5b7d9e0f12-1', opened: true },
    },
  },
  cancelSelected: {
    method: 'POST',
    path: '/v1/runs/{run}/selection/cancel',
    summary: 'Cancels the selected tasks of an open run that have not ended',
    answers: { 200: shape.TasksActed, 202: shape.TasksActed },
    statusOf: ({ left }) => (left > 0 ? 202 : 200),
    isRepeatable: always,
    example: {
      request: { run: RUN_ID, where: 'downstream-of="Download(part=1)"', atMost: 1 },
      answer: { run: RUN_ID, affected: 1, left: 0 },
    },
  },
  markSelected: {
    method: 'POST',
    path: '/v1/runs/{run}/selection/mark',
    summary: 'Counts the selected tasks as succeeded though their targets are not there',
    answers: { 200: z.union([shape.TasksActed, shape.Started]), 201: shape.Opened, 202: shape.TasksActed },
    statusOf: (answer) => ('left' in answer ? (answer.left > 0 ? 202 : 200) : decideActStatus(answer)),
    isRepeatable: always,
    example: {
      request: { run: RUN_ID, where: 'family=Count', atMost: 1 },
      answer: { run: RUN_ID, affected: 1, left: 0 },
    },
  },
  pause: {
    method: 'POST',
    path: '/v1/pipelines/{pipeline}/pause',
    summary: 'Stops a schedule from starting runs',
    answers: { 200: shape.Paused },
    isRepeatable: always,
    example: { request: { pipeline: 'visits' }, answer: { pipeline: 'visits', paused: true } },
  },
  resume: {
    method: 'POST',
    path: '/v1/pipelines/{pipeline}/resume',
    summary: 'Lets a schedule start runs',
    answers: { 200: shape.Paused },
    isRepeatable: always,
    example: { request: { pipeline: 'visits' }, answer: { pipeline: 'visits', paused: false } },
  },
  prune: {
    method: 'POST',
    path: '/v1/prune',
    summary: 'Forgets runs that ended long ago; targets stay',
    answers: { 200: shape.Pruned, 409: shape.Unconfirmed },
    statusOf: decideActStatus,
    isRepeatable: always,
    example: { request: { olderThanMs: 90 * 24 * 3_600_000 }, answer: { pruned: [RUN_ID] } },
  },
  openShell: {
    method: 'POST',
    path: '/v1/runs/{run}/shell',
    summary: 'Starts a container of a deployment for a shell',
    answers: { 201: shape.OpenedShell },
    statusOf: () => 201,
    // By its token.
    isRepeatable: always,
    example: {
      request: { run: RUN_ID, task: 'Train', token: '2b8d0f0e-7c1e-4c56-9d0a-1f6f0c3c9a11' },
      answer: {
        run: RUN_ID,
        task: 'Train(date=2026-09-09)',
        shell: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
        image: 'sha256:5d0cb6ab3b5e4f1f6e7a0e2c5f8b9a1d3c4e5f60718293a4b5c6d7e8f9012345',
        argv: ['python', 'train.py'],
        limitMs: 3_600_000,
      },
    },
  },
  endShell: {
    method: 'DELETE',
    path: '/v1/shells/{shell}',
    summary: 'Ends a shell',
    answers: { 200: shape.EndedShell },
    isRepeatable: always,
    example: {
      request: { shell: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' },
      answer: { shell: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' },
    },
  },
  setSecret: {
    method: 'PUT',
    path: '/v1/secrets/{name}',
    summary: 'Keeps the value of a secret',
    answers: { 200: shape.SecretName },
    isRepeatable: always,
    example: {
      request: { name: 'mag/api-key', value: 'the value' },
      answer: { name: 'mag/api-key' },
    },
  },
  removeSecret: {
    method: 'DELETE',
    path: '/v1/secrets/{name}',
    summary: 'Forgets a secret',
    answers: { 200: shape.SecretName },
    isRepeatable: never,
    example: { request: { name: 'mag/api-key' }, answer: { name: 'mag/api-key' } },
  },
}
