import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import type { StartRequest } from '../../control/control.ts'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import type { Project } from '../../project/load-config.ts'
import { makeRunFollower, type RunOptions } from '../follow.ts'
import { openControl } from '../open-control.ts'
import type { Result } from '../options.ts'

/** Opens or joins the run of a request and follows it until it ends, waits or is stopped. */
export async function runRequest(
  project: Project,
  request: StartRequest,
  options: RunOptions,
): Promise<Result> {
  await using control = await openControl(options, project)
  const follower = makeRunFollower(control, options)
  return await follower.followStarted(await control.start(request))
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
