import { type CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'

/** How an invocation ended that did not return. */
export interface FunctionDeath {
  isOutOfMemory: boolean
  message: string
}

/**
 * What Lambda writes into the log of a function about its invocations, in text:
 * https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
 */
const REPORT = /^REPORT RequestId: (\S+)\s.*Memory Size: (\d+) MB\s+Max Memory Used: (\d+) MB/
const EXIT = /^RequestId: (\S+) Error: (Runtime exited.*)/

/** How the first invocation ended of which there is a report; undefined if it returned, or there is none. */
export function findFunctionDeath(lines: string[]): FunctionDeath | undefined {
  const report = lines.map((line) => REPORT.exec(line)).find((match) => match !== null)
  if (!report) return undefined
  const [, id, size, used] = report
  const exit = lines.map((each) => EXIT.exec(each)).find((match) => match?.[1] === id)?.[2]
  const type = /Error Type: (\S+)/.exec(report.input)?.[1]
  if (exit === undefined && type === undefined) return undefined
  const isKilled = exit?.includes('signal: killed') || type === 'Runtime.OutOfMemory'
  if (isKilled && Number(used) >= Number(size))
    return { isOutOfMemory: true, message: `the memory of the function, ${size} MB, was full` }
  return { isOutOfMemory: false, message: `its function ended: ${exit ?? type}` }
}

/** Reads from a log stream how its function died after an instant. */
export function makeFunctionDeathReader(client: CloudWatchLogsClient) {
  return async (logGroupName: string, stream: string, since: number): Promise<FunctionDeath | undefined> => {
    const query = { logGroupName, logStreamNames: [stream], startTime: since, filterPattern: PATTERN }
    const { events = [] } = await client.send(new FilterLogEventsCommand(query))
    return findFunctionDeath(events.map(({ message = '' }) => message.trim()))
  }
}

const PATTERN = '?REPORT ?"Runtime exited"'
