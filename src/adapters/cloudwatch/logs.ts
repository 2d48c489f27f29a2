import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs'
import { parsePipelineOfRun } from '../../core/identity.ts'
import { makeJobStreamPrefix, parseJobStream } from '../../core/names.ts'
import {
  type AttemptLine,
  type LinesPage,
  type LinesQuery,
  LOG_LEVELS,
  type Logs,
} from '../../core/ports/looking.ts'
import { readSparkLevel } from '../../core/spark-line.ts'

const TAIL_BYTES = 4096

/** Logs as JSON lines on standard output, which Lambda and Fargate bring to CloudWatch. They are read by {@link makeLogReader}. */
export function makeStandardOutputLogs(
  write: (text: string) => void = (text) => process.stdout.write(text),
): Logs {
  return {
    open(attempt) {
      let tail = ''
      return {
        write(lines) {
          for (const line of lines)
            write(`${JSON.stringify({ ...line, ...attempt, pipeline: parsePipelineOfRun(attempt.run) })}\n`)
          const texts = lines.map(({ text }) => text).join('\n')
          tail = Buffer.from(`${tail}${tail && '\n'}${texts}`)
            .subarray(-TAIL_BYTES)
            .toString()
        },
        tail: () => tail,
      }
    },
    list: async () => [],
    read: async (_, from) => ({ lines: [], next: from }),
    async remove() {},
  }
}

/** Lines of attempts in a log group of CloudWatch. */
export function makeLogReader(client: CloudWatchLogsClient) {
  return async (logGroupName: string, query: LinesQuery): Promise<LinesPage> => {
    if (query.ofJobs) return readJobLines(client, logGroupName, query)
    const { run, number, attempt, levels = LOG_LEVELS, streams, from, after } = query
    const parts = [
      `$.run = ${JSON.stringify(run)}`,
      ...(number === undefined ? [] : [`$.number = ${number}`]),
      ...(attempt === undefined ? [] : [`$.attempt = ${attempt}`]),
      // Text is searched by us: a pattern would take it with its case, and some of its signs with a meaning.
      ...(levels.length === LOG_LEVELS.length
        ? []
        : [levels.map((each) => `($.level = ${JSON.stringify(each)})`).join(' || ')]),
    ]
    const request = new FilterLogEventsCommand({
      logGroupName,
      filterPattern: `{ ${parts.map((part) => `(${part})`).join(' && ')} }`,
      startTime: from,
      ...(streams === undefined || streams.length === 0 ? {} : { logStreamNames: streams }),
      ...(after === undefined ? {} : { nextToken: after }),
    })
    const { events = [], nextToken } = await client.send(request).catch(orNothing)
    const lines = events
      .flatMap(({ message = '' }) => parseAttemptLine(message))
      .filter(
        (line) =>
          line.run === run &&
          (number === undefined || line.number === number) &&
          (attempt === undefined || line.attempt === attempt),
      )
    return { lines, ...(nextToken === undefined ? {} : { next: nextToken }) }
  }
}

/** Nothing has been written yet. */
function orNothing(error: unknown): { events: []; nextToken: undefined } {
  if (error instanceof ResourceNotFoundException) return { events: [], nextToken: undefined }
  throw error
}

/** What the drivers of jobs have printed: their streams tell which attempt it was. */
async function readJobLines(
  client: CloudWatchLogsClient,
  logGroupName: string,
  { run, number, attempt, from, after }: LinesQuery,
): Promise<LinesPage> {
  const parts = number === undefined ? [] : attempt === undefined ? [number] : [number, attempt]
  const request = new FilterLogEventsCommand({
    logGroupName,
    logStreamNamePrefix: makeJobStreamPrefix(run, ...parts),
    startTime: from,
    ...(after === undefined ? {} : { nextToken: after }),
  })
  const { events = [], nextToken } = await client.send(request).catch(orNothing)
  const lines = events.flatMap(({ message = '', timestamp = 0, logStreamName = '' }): AttemptLine[] => {
    const name = parseJobStream(logStreamName)
    if (name === undefined || (attempt !== undefined && name.attempt !== attempt)) return []
    const texts = message.replace(/\n$/, '').split('\n')
    return texts.map((text) => ({ ...name, at: timestamp, level: readSparkLevel(text), text }))
  })
  return { lines, ...(nextToken === undefined ? {} : { next: nextToken }) }
}

function parseAttemptLine(message: string): AttemptLine[] {
  try {
    const line: AttemptLine = JSON.parse(message)
    return typeof line.text === 'string' && typeof line.at === 'number' ? [line] : []
  } catch {
    return []
  }
}
