import type { JsonLinesTarget, JsonTarget } from 'sluice'
import type { Request } from './log-line.ts'
import { type VisitLine, Visits } from './visits.ts'

/** What every interval tells. */
export interface Summary {
  requests: number
  bytes: number
  byStatus: Record<string, number>
  /** Distinct pairs of address and user agent. */
  visitors: number
  sessions: number
  /** Lines that do not parse. */
  malformed: number
}

/** The summary of requests. */
export function summarizeRequests(requests: Request[], visits: Visits, malformed: number): Summary {
  const statuses = new Map<string, number>()
  for (const { status } of requests) statuses.set(status, (statuses.get(status) ?? 0) + 1)
  return {
    requests: requests.length,
    bytes: requests.reduce((sum, { bytes }) => sum + bytes, 0),
    byStatus: sorted(statuses),
    visitors: visits.visitors,
    sessions: visits.sessions,
    malformed,
  }
}

/** What a shorter interval gives to the next longer one. */
export interface Part {
  summary: JsonTarget<Summary>
  visits: JsonLinesTarget<VisitLine>
}

/** Adds up the parts of an interval, in order of time; visitors and sessions are those of the whole. */
export async function addUpSummaries(parts: readonly Part[]): Promise<{ summary: Summary; visits: Visits }> {
  const visits = new Visits()
  const statuses = new Map<string, number>()
  const sums = { requests: 0, bytes: 0, malformed: 0 }
  for (const part of parts) {
    const { byStatus, ...summary } = await part.summary.read()
    for (const name of ['requests', 'bytes', 'malformed'] as const) sums[name] += summary[name]
    for (const [status, count] of Object.entries(byStatus))
      statuses.set(status, (statuses.get(status) ?? 0) + count)
    for await (const line of part.visits.readLines()) visits.addLine(line)
  }
  const { requests, bytes, malformed } = sums
  const { visitors, sessions } = visits
  return { summary: { requests, bytes, byStatus: sorted(statuses), visitors, sessions, malformed }, visits }
}

const sorted = (counts: Map<string, number>) =>
  Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
