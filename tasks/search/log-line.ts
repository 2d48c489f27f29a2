/** One request of an access log. */
export interface Request {
  /** Milliseconds since 1970. */
  at: number
  address: string
  agent: string
  method: string
  /** Without the query string; empty if the request line has none. */
  path: string
  status: string
  bytes: number
  /** Empty if there is none. */
  referrer: string
}

/** A quoted field; Apache writes a quote inside as `\"` (mod_log_config, "Custom Log Formats"). */
const QUOTED = '"((?:[^"\\\\]|\\\\.)*)'
const LINE = new RegExp(
  `^(\\S+) \\S+ .*?\\[(\\d{2})/(\\w{3})/(\\d{4}):(\\d{2}):(\\d{2}):(\\d{2}) ([+-])(\\d{2})(\\d{2})\\] ${QUOTED}" (\\d{3}) (\\d+|-) ${QUOTED}" ${QUOTED}(?:"\\s*|\\\\?)$`,
)
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Reads a line of the combined format (Apache's `combined`: address, identity, user, time, request, status, bytes,
 * referrer, agent); undefined if it is none. The last field may be cut.
 */
export function parseLogLine(line: string): Request | undefined {
  const match = LINE.exec(line)
  if (match === null) return undefined
  const [, address = '', ...rest] = match
  const at = parseLogTime(rest.slice(0, 9))
  if (at === undefined) return undefined
  const [request = '', status = '', bytes = '', referrer = '', agent = ''] = rest.slice(9)
  const [method = '', target = ''] = request.split(' ')
  return {
    at,
    address,
    agent,
    method,
    path: target.split('?', 1)[0] ?? '',
    status,
    bytes: bytes === '-' ? 0 : Number(bytes),
    referrer: referrer === '-' ? '' : referrer,
  }
}

function parseLogTime(parts: string[]): number | undefined {
  const [
    day = '',
    name = '',
    year = '',
    hour = '',
    minute = '',
    second = '',
    sign,
    hours = '',
    minutes = '',
  ] = parts
  const month = MONTHS.indexOf(name)
  // A leap second, 23:59:60 (strptime allows 60), belongs to the minute that it ends.
  const within = Math.min(Number(second), 59)
  const local = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), within)
  const read = new Date(local)
  // A date that does not exist would be counted for another day.
  const isTime = Number(hour) <= 23 && Number(minute) <= 59 && Number(second) <= 60
  if (month < 0 || read.getUTCDate() !== Number(day) || !isTime) return undefined
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
  return sign === '-' ? local + offset : local - offset
}
