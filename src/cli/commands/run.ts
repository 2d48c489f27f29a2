import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import type { StartRequest } from '../../control/control.ts'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import type { Project } from '../../project/load-config.ts'
import { followStartedRun, type RunOptions } from '../follow.ts'
import { askWithControl } from '../open-control.ts'
import type { Result } from '../options.ts'

/** Opens or joins the run of a request and follows it until it ends, waits or is stopped. */
export function runRequest(project: Project, request: StartRequest, options: RunOptions): Promise<Result> {
  return askWithControl(options, project, async (control) =>
    followStartedRun(control, await control.start(request), options),
  )
}

/** Reads a plan that was made elsewhere from a file, or from standard input for `-`. */
export async function readPlanRequest(path: string): Promise<StartRequest> {
  if (path === '-') return { plan: await readText(process.stdin), folder: process.cwd() }
  try {
    return { plan: readFileSync(path, 'utf8'), folder: dirname(resolve(path)) }
  } catch (error) {
    throw new SluiceError('invalid_usage', `The plan ${path} cannot be read: ${readErrorMessage(error)}`, {
      cause: error,
    })
  }
}
