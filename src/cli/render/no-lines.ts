import type { LogPage } from '../../control/control.ts'

/** Why there are no lines of a run or task. */
export const renderNoLines = (name: string, { hasBegun }: Pick<LogPage, 'hasBegun'>): string =>
  hasBegun ? `${name} has written no lines.` : `${name} has not run in this run, so there are no lines.`

/** That no line is what was searched, and how many were looked through. */
export function renderNoHits(
  name: string,
  { grep, level = 'debug', looked }: { grep: string | undefined; level: string | undefined; looked: number },
): string {
  const wanted = [
    ...(grep === undefined ? [] : [`contains ${JSON.stringify(grep)}`]),
    ...(level === 'debug' ? [] : [level === 'error' ? 'is an error' : `has the level ${level} or above`]),
  ]
  return `No line of ${name} ${wanted.join(' and ')}; ${looked.toLocaleString('en')} ${looked === 1 ? 'line was' : 'lines were'} looked through.`
}
