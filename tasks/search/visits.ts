import type { Request } from './log-line.ts'

/** What a visitor did without a pause of more than 30 minutes. */
export interface Session {
  start: number
  end: number
  /** Paths of the pages that were viewed, in order. */
  views: string[]
}

/** A visitor of an interval: an address and a user agent. */
export interface Visitor {
  kind: 'visitor'
  address: string
  agent: string
  sessions: Session[]
}

/** How often something was asked for, or referred, in an interval. */
export interface Count {
  kind: 'path' | 'referrer'
  name: string
  requests: number
}

/** A line of a visits file: what the next longer interval is made from. */
export type VisitLine = Visitor | Count

const PAUSE_MS = 30 * 60_000

/** Gathers visits; what is added comes in order of time. */
export class Visits {
  readonly #visitors = new Map<string, Visitor>()
  readonly #counts = { path: new Map<string, number>(), referrer: new Map<string, number>() }

  addRequest({ at, address, agent, method, path, status, referrer }: Request): void {
    const views = isView(method, status, path) ? [path] : []
    this.#addSession(address, agent, { start: at, end: at, views })
    if (path !== '') this.#count('path', path, 1)
    if (referrer !== '') this.#count('referrer', referrer, 1)
  }

  /** Adds a line of a shorter interval; its sessions go on if the pause is short enough. */
  addLine(line: VisitLine): void {
    if (line.kind !== 'visitor') this.#count(line.kind, line.name, line.requests)
    else for (const session of line.sessions) this.#addSession(line.address, line.agent, session)
  }

  get visitors(): number {
    return this.#visitors.size
  }

  get sessions(): number {
    return this.#visitors.values().reduce((sum, { sessions }) => sum + sessions.length, 0)
  }

  *lines(): Generator<VisitLine> {
    yield* this.#visitors.values()
    for (const kind of ['path', 'referrer'] as const)
      for (const [name, requests] of this.#counts[kind]) yield { kind, name, requests }
  }

  /** What was counted most, at most `limit`, ties by code point. */
  top(kind: Count['kind'], limit: number): [string, number][] {
    return [...this.#counts[kind]].sort(compareByCount).slice(0, limit)
  }

  #addSession(address: string, agent: string, session: Session): void {
    const key = `${address}\n${agent}`
    const visitor: Visitor = this.#visitors.get(key) ?? { kind: 'visitor', address, agent, sessions: [] }
    this.#visitors.set(key, visitor)
    const last = visitor.sessions.at(-1)
    if (last === undefined || session.start - last.end > PAUSE_MS)
      visitor.sessions.push({ ...session, views: [...session.views] })
    else {
      last.end = Math.max(last.end, session.end)
      for (const view of session.views) last.views.push(view)
    }
  }

  #count(kind: Count['kind'], name: string, requests: number): void {
    const counts = this.#counts[kind]
    counts.set(name, (counts.get(name) ?? 0) + requests)
  }
}

/** Sorts by number, the greatest first, then by code point (which is the order of UTF-8 bytes). */
export function compareByCount([a, m]: [string, number], [b, n]: [string, number]): number {
  return n - m || Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** A page view: a successful GET of a folder, of HTML, or of something without an ending. */
function isView(method: string, status: string, path: string): boolean {
  if (method !== 'GET' || status !== '200') return false
  const last = path.slice(path.lastIndexOf('/') + 1)
  return path.endsWith('/') || path.endsWith('.html') || (path !== '' && !last.includes('.'))
}
