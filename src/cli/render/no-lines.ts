import type { LogPage } from '../../control/control.ts'

/** A step of an EMR cluster, as the service names it (`makeEmrHandle`). */
const STEP = /^(j-[A-Z0-9]+)\/(s-[A-Z0-9]+)$/

/** Why there are no lines of a run or task; `job` is what runs elsewhere for it, as its service names it. */
export function renderNoLines(
  name: string,
  { hasBegun }: Pick<LogPage, 'hasBegun'>,
  job: string | undefined,
): string {
  if (!hasBegun) return `${name} has not run in this run, so there are no lines.`
  const [, cluster, step] = STEP.exec(job ?? '') ?? []
  if (cluster === undefined) return `${name} has written no lines.`
  return `The lines of ${name} are not here: EMR keeps them in the log folder of the cluster, under ${cluster}/steps/${step}, some minutes late.`
}
