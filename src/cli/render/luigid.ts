import { styleText } from 'node:util'
import type { Luigid, LuigidTask, LuigidTaskDetail, LuigidWorker } from '../../control/control.ts'
import { reasonText } from './reasons.ts'
import { factText } from './task-detail.ts'
import { formatInstant, indentLines, renderColumns } from './text.ts'

type Scheduler = NonNullable<Luigid['scheduler']>

/** Luigi's scheduler with its workers and tasks, for people. */
export function renderLuigid(
  { counts, paused, resources }: Scheduler,
  workers: LuigidWorker[],
  tasks: LuigidTask[],
  isMore: boolean,
): string {
  const total = Object.entries(counts).map(([status, count]) => `${count} ${renderLuigidStatus(status)}`)
  return [
    total.length === 0 ? 'The scheduler knows no task.' : `Tasks: ${total.join(', ')}`,
    ...(paused ? [styleText('yellow', 'The scheduler is paused: it hands out no task.')] : []),
    '',
    workers.length === 0 ? 'No worker is there.' : renderWorkers(workers),
    ...(resources.length === 0 ? [] : ['', renderResources(resources)]),
    ...(tasks.length === 0 ? [] : ['', renderTasks(tasks)]),
    ...(isMore ? ['… and more: --json has all of them.'] : []),
  ].join('\n')
}

function renderLuigidStatus(status: string): string {
  switch (status) {
    case 'DONE':
      return styleText('green', status)
    case 'FAILED':
    case 'DISABLED':
      return styleText('red', status)
    case 'RUNNING':
    case 'BATCH_RUNNING':
      return styleText('cyan', status)
    default:
      return status
  }
}

const renderWorkers = (workers: LuigidWorker[]) =>
  renderColumns(
    ['worker', 'host', 'processes', 'running', 'pending', 'last heard of (UTC)', 'first task'],
    workers.map((each) => [
      each.isDisabled ? `${each.worker} (disabled)` : each.worker,
      each.host ?? '',
      String(each.processes),
      String(each.running),
      String(each.pending),
      formatInstant(each.lastActiveAt),
      each.firstTask ?? '',
    ]),
  )

const renderResources = (resources: Scheduler['resources']) =>
  renderColumns(
    ['resource', 'slots', 'held'],
    resources.map(({ resource, limit, held }) => [resource, String(limit), String(held)]),
  )

const renderTasks = (tasks: LuigidTask[]) =>
  renderColumns(
    ['task', 'status', 'since (UTC)', ''],
    tasks.map((task) => [
      task.task,
      renderLuigidStatus(task.status),
      formatInstant(task.updatedAt),
      [task.upstream ?? '', progressText(task)].filter(Boolean).join('; '),
    ]),
  )

const progressText = ({ progress, message }: LuigidTask) =>
  [progress === null ? '' : `${progress}%`, message ?? ''].filter(Boolean).join(' ')

/** A task of Luigi's scheduler in full, for people. */
export function renderLuigidTask(task: LuigidTaskDetail): string {
  const facts: [name: string, value: string | null][] = [
    ['id', task.id],
    ['module', task.module],
    ['priority', String(task.priority)],
    ['added', `${formatInstant(task.addedAt)} UTC`],
    ['started', task.startedAt === null ? null : `${formatInstant(task.startedAt)} UTC`],
    ['progress', progressText(task) || null],
    ['page', task.trackingUrl],
    ['workers', task.workers.join('\n') || null],
    ['error', task.error],
  ]
  const depends = task.dependencies.map(({ task: name, status }) => `${name} ${renderLuigidStatus(status)}`)
  if (task.moreDependencies > 0) depends.push(`… and ${task.moreDependencies} more`)
  return [
    renderLuigidWhy(task),
    ...facts.flatMap(([name, value]) => (value === null ? [] : [factText(name, value)])),
    ...(depends.length === 0 ? [] : [`  depends on\n${indentLines(depends.join('\n'), '    ')}`]),
    ...task.history.map(({ at, status, worker }) =>
      `  ${formatInstant(at)} ${renderLuigidStatus(status)} ${worker ?? ''}`.trimEnd(),
    ),
  ].join('\n')
}

/** Why a task of Luigi's scheduler does not run now, for people. */
export const renderLuigidWhy = ({ task, status, updatedAt, reasons }: LuigidTaskDetail): string =>
  [
    `${task} is ${renderLuigidStatus(status)} since ${formatInstant(updatedAt)} UTC`,
    ...reasons.map((reason) => `  ${reasonText(reason)}`),
  ].join('\n')
