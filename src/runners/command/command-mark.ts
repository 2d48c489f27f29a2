import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of a state in which commands talk with Sluice; made with the first of them. */
export const makeNotesPath = (state: string): string => join(state, 'attempts')

/** Whether commands have run on a state, so that some may have left files. */
export const hasHadCommands = (state: string): boolean => existsSync(makeNotesPath(state))
