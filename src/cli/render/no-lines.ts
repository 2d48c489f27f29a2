import type { LogPage } from '../../control/control.ts'

/** Why there are no lines of a run or task. */
export const renderNoLines = (name: string, { hasBegun }: Pick<LogPage, 'hasBegun'>): string =>
  hasBegun ? `${name} has written no lines.` : `${name} has not run in this run, so there are no lines.`
