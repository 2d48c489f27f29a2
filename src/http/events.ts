import type { Context } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import { z } from 'zod'
import type { Changes, Control } from '../control/control.ts'
import { followChanges } from '../control/follow-changes.ts'
import { checkRequestShape } from '../control/parts.ts'
import { ChangesQuery } from '../control/schemas.ts'
import { SluiceError } from '../core/errors.ts'
import { readUrlQuery } from './query.ts'

/** The cursor of a stream goes back in a header: of more runs it could be longer than servers take. */
const MAX_RUNS = 100
/** Proxies end connections that are silent for a minute. */
const KEEP_ALIVE_MS = 15_000
/** The id of the last message: there is nothing to go on with. */
const ENDED = 'ended'

/** Which runs a stream of events is of. */
export const EventsQuery = z.strictObject({
  runs: z.array(z.string()).min(1).max(MAX_RUNS).describe(`Ids of runs, with commas; ${MAX_RUNS} at most`),
  since: ChangesQuery.shape.since,
  counts: ChangesQuery.shape.counts,
})

/**
 * Answers with the events of runs as they happen, until all have ended. Ids are cursors: with `Last-Event-ID` a stream
 * goes on where another one was cut, and events of the last minute may come again.
 */
export async function streamRunEvents(control: Control, context: Context, idleLookMs = 0): Promise<Response> {
  const query = checkRequestShape(
    EventsQuery,
    readUrlQuery(new URL(context.req.url).searchParams, EventsQuery.shape),
  )
  const lastId = context.req.header('last-event-id')
  // The end was told: a client that connects again by itself stops at this status.
  if (lastId === ENDED) return context.body(null, 204)
  const first = await control.changes({
    ...query,
    cursor: lastId && Buffer.from(lastId, 'base64url').toString(),
  })
  refuseUnknown(query.runs, first)
  if (context.req.raw.method === 'HEAD')
    return context.body(null, 200, { 'content-type': 'text/event-stream' })
  return streamSSE(context, (stream) =>
    writeEvents(query, stream, slowDown(readBatches(control, first, stream), idleLookMs)),
  )
}

async function writeEvents(
  query: z.output<typeof EventsQuery>,
  stream: SSEStreamingApi,
  batches: Control['changes'],
): Promise<void> {
  const left = new AbortController()
  stream.onAbort(() => left.abort())
  const keepAlive = setInterval(() => void stream.write(': still here\n\n'), KEEP_ALIVE_MS)
  try {
    for await (const event of followChanges(batches, { ...query, signal: left.signal })) {
      if (left.signal.aborted) return
      const id = event.event === 'end' ? { id: ENDED } : {}
      await stream.writeSSE({ event: event.event, data: JSON.stringify(event), ...id })
    }
  } finally {
    clearInterval(keepAlive)
  }
}

/** Reads changes; once the events of one answer were written, their cursor is the id to go on from. */
function readBatches(control: Control, first: Changes, stream: SSEStreamingApi): Control['changes'] {
  let last: Changes | undefined
  return async (query) => {
    if (last === undefined) {
      last = first
      return first
    }
    // A message without data sets the id alone.
    if (last.events.length > 0) await stream.write(`id: ${Buffer.from(last.next).toString('base64url')}\n\n`)
    last = await control.changes(query)
    return last
  }
}

/** Doubles the time between looks while nothing happens, up to `mostMs`: each look at a deployment is paid for. */
export function slowDown(read: Control['changes'], mostMs: number): Control['changes'] {
  let factor = 1
  let seen = ''
  return async (query) => {
    const changes = await read(query)
    const { events, runs, lookAgainMs } = changes
    const told = JSON.stringify([events, runs])
    factor = told === seen ? factor * 2 : 1
    seen = told
    return { ...changes, lookAgainMs: Math.max(lookAgainMs, Math.min(lookAgainMs * factor, mostMs)) }
  }
}

function refuseUnknown(runs: string[], { runs: found }: Changes): void {
  const unknown = runs.find((id) => !found.some(({ run }) => run === id))
  if (unknown === undefined) return
  throw new SluiceError('unknown_run', `No run has the id ${unknown}.`, {
    hint: 'GET /v1/runs lists them; a stream takes whole ids.',
  })
}
