import { killProcessGroup } from '../os/kill-group.ts'
import type { ToSupervisor } from './supervision.ts'

/*
 * A process that kills children of the engine whose lease has ended, and all of them when the engine is gone: also if
 * a body blocks its own process, and if the engine is frozen. A thread in each child would do as well, but starting
 * one costs as much as starting Node.
 */

const children = new Map<number, NodeJS.Timeout | undefined>()

process.on('message', ({ pid, is, leaseMs }: ToSupervisor) => {
  clearTimeout(children.get(pid))
  if (is === 'over') children.delete(pid)
  else children.set(pid, leaseMs === undefined ? undefined : setTimeout(killProcessGroup, leaseMs, pid))
})

process.on('disconnect', () => {
  for (const pid of children.keys()) killProcessGroup(pid)
  process.exit()
})
