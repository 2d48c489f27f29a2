import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const markPath = (state: string) => join(state, 'containers')

/** Whether a state has had containers. One that never had any does not ask their engine, which may not even be installed. */
export const hasHadContainers = (state: string): boolean => existsSync(markPath(state))

/** Notes that a state has containers, before the first of an attempt is made. */
export const markContainers = (state: string): void => writeFileSync(markPath(state), '')
