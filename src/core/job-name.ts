import type { AttemptHandover } from './ports/launching.ts'

/*
 * The name under which a service knows a job, for services that keep and tell nothing else of ours: it names the attempt. Others use
 * the same service, so it names the deployment too, and what is not named so is left alone.
 */

const BEGINNING = 'sluice'

/** The name of the job of an attempt. */
export const formatJobName = (deployment: string, { run, number, attempt, token }: AttemptHandover): string =>
  makeJobNamePrefix(deployment) + [run, number, attempt, token].map(encodePart).join('/')

/** What the names of all jobs of a deployment begin with, and of no other one. */
export const makeJobNamePrefix = (deployment: string): string => `${BEGINNING}/${encodePart(deployment)}/`

/** The attempt that a job of this deployment was launched for; undefined for any other job. */
export function parseJobName(
  deployment: string,
  name: string | null | undefined,
): AttemptHandover | undefined {
  const match = NAME.exec(name ?? '')
  if (match === null) return undefined
  const [, of = '', run = '', number, attempt, token = ''] = match
  if (of !== encodePart(deployment)) return undefined
  try {
    return { run: decodeURIComponent(run), number: Number(number), attempt: Number(attempt), token }
  } catch {
    return undefined
  }
}

const encodePart = (part: string | number) => encodeURIComponent(part)

const NAME = new RegExp(`^${BEGINNING}/([^/]+)/([^/]+)/(\\d{1,9})/(\\d{1,9})/([A-Za-z0-9-]{1,32})$`)
