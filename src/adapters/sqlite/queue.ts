import { parsePipelineOfRun } from '../../core/identity.ts'
import { mustHave } from '../../core/must-have.ts'
import type { Clock, Delivery, MessageQuery, OutgoingMessage, Queue } from '../../core/ports/deciding.ts'
import { type Group, takeMessagesInTurns } from '../../core/turns.ts'
import type { Database } from './database.ts'
import { readSqlRow, readSqlRows } from './rows.ts'

interface Row {
  id: number
  run: string
  number: number
  attempt: number
  delivery: number
  priority: number
}

/** A run as it takes part in turns; nothing if it has no message left. */
function makeRunGroup(run: string, rows: ReadonlyMap<string, Row[]>): [string, Group][] {
  const first = rows.get(run)?.[0]
  return first === undefined
    ? []
    : [[run, { run, pipeline: parsePipelineOfRun(run), priority: first.priority }]]
}

/**
 * Both tables are in order of their pools first. The pools are found by skipping from one to the next, so that a run is
 * forgotten without looking at the messages of all others.
 */
const makeDeleteInPools = (table: string, column: string) => `
  WITH RECURSIVE pools (pool) AS (
    SELECT min(pool) FROM ${table}
    UNION ALL
    SELECT (SELECT min(pool) FROM ${table} WHERE pool > pools.pool) FROM pools WHERE pools.pool IS NOT NULL
  )
  DELETE FROM ${table} WHERE pool IN (SELECT pool FROM pools WHERE pool IS NOT NULL) AND ${column} = ?`

/** A queue, and the same for {@link Ports.speculative}. */
export interface SqliteQueue extends Queue {
  speculative: Queue
}

/** How long a worker's wish for a run's messages counts after it found none that were its turn. */
const WISH_MS = 2_000
const LOOK_MS = 100

/**
 * The task queue as a table. Several processes share a pool's places, each for its own runs: who has none left over
 * leaves a wish, and a place whose turn is another's run is left to its process.
 */
export function makeSqliteQueue(
  database: Database,
  worker: string,
  clock: Clock,
  onMessage: () => void = () => {},
): SqliteQueue {
  const { sql } = database
  const insert = sql.prepare(
    'INSERT INTO message (run, number, attempt, visible_at, pool, priority) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const visible = sql.prepare(
    'SELECT id, run, number, attempt, delivery, priority FROM message WHERE pool = ? AND run = ? AND visible_at <= ? ORDER BY priority DESC, id LIMIT ?',
  )
  const nextRun = sql.prepare('SELECT min(run) AS run FROM message WHERE pool = ? AND run > ?')
  const hide = sql.prepare('UPDATE message SET visible_at = ?, delivery = delivery + 1 WHERE id = ?')
  const remove = sql.prepare('DELETE FROM message WHERE id = ? AND delivery = ?')
  const show = sql.prepare('UPDATE message SET visible_at = ? WHERE id = ? AND delivery = ?')
  const forget = sql.prepare(makeDeleteInPools('message', 'run'))
  const forgetTurns = sql.prepare(makeDeleteInPools('turn', 'name'))
  const turnOf = sql.prepare('SELECT at FROM turn WHERE pool = ? AND name = ?')
  const serve = sql.prepare('INSERT OR REPLACE INTO turn (pool, name, at) VALUES (?, ?, ?)')
  const wishes = sql.prepare('SELECT DISTINCT run FROM wish WHERE pool = ? AND worker <> ? AND until > ?')
  const wish = sql.prepare('INSERT OR REPLACE INTO wish (worker, pool, run, until) VALUES (?, ?, ?, ?)')
  const unwish = sql.prepare('DELETE FROM wish WHERE until <= ? OR (worker = ? AND pool = ?)')

  function visibleIn(pool: string, run: string, limit: number, unfit: MessageQuery['unfit']): Row[] {
    const left = unfit?.get(run)
    if (left === 'all') return []
    const rows = readSqlRows<Row>(visible, pool, run, clock.steady(), limit + (left?.size ?? 0))
    return left === undefined ? rows : rows.filter(({ number }) => !left.has(number)).slice(0, limit)
  }
  const hasVisible = (pool: string, run: string, unfit: MessageQuery['unfit']) =>
    visibleIn(pool, run, 1, unfit).length > 0

  /** Every run with messages in the pool, by skipping from run to run. */
  function runsIn(pool: string): string[] {
    const runs: string[] = []
    for (let after = ''; ; ) {
      const run = readSqlRow<{ run: string | null }>(nextRun, pool, after)?.run
      if (typeof run !== 'string') return runs
      runs.push(run)
      after = run
    }
  }

  /** When each name was last served, by the turns of a pool; what is taken at once is noted at once. */
  function turnsOf(pool: string) {
    const served = new Map<string, number>()
    const servedAt = (name: string, of = pool) =>
      served.get(name) ?? readSqlRow<{ at: number }>(turnOf, of, name)?.at ?? 0
    return {
      servedAt,
      serve(run: string) {
        // The row without names counts.
        const turn = servedAt('', '') + 1
        for (const name of ['', run, parsePipelineOfRun(run)]) served.set(name, turn)
      },
      keep() {
        for (const [name, turn] of served) serve.run(name === '' ? '' : pool, name, turn)
      },
    }
  }

  function deliver({ id, run, number, attempt, delivery }: Row, visibilityMs: number): Delivery {
    hide.run(clock.steady() + visibilityMs, id)
    return { message: { run, number, attempt }, receipt: `${id}.${delivery + 1}` }
  }

  /** Runs of other processes that wait for their turn in a pool. */
  function othersIn(pool: string, own: readonly string[]): string[] {
    const wanted = readSqlRows<{ run: string }>(wishes, pool, worker, clock.steady())
    return wanted.map(({ run }) => run).filter((run) => !own.includes(run))
  }

  /** Takes from one pool in turns; a turn of another process's run uses up a place as well, but is left to it. */
  function takeFrom(pool: string, room: number, limit: number, query: MessageQuery): Delivery[] {
    const own = query.runs ?? runsIn(pool)
    const others = Number.isFinite(room) ? othersIn(pool, own) : []
    const rows = new Map(
      [...own, ...others].map((run) => [run, visibleIn(pool, run, Math.min(room, limit), query.unfit)]),
    )
    const groups = new Map([...rows.keys()].flatMap((run) => makeRunGroup(run, rows)))
    // A single run takes no other run's turn, unless processes of other runs may wait for the places of the pool.
    if (groups.size <= 1 && room === Number.POSITIVE_INFINITY)
      return [...rows.values()].flat().map((row) => deliver(row, query.visibilityMs))
    const turns = turnsOf(pool)
    const taken = takeMessagesInTurns(groups, { places: room, limit }, turns.servedAt, ({ run }) => {
      if (others.includes(run)) return undefined
      const row = mustHave(rows.get(run)?.shift(), 'message of a run')
      turns.serve(run)
      return { taken: deliver(row, query.visibilityMs), next: makeRunGroup(run, rows)[0]?.[1] }
    })
    turns.keep()
    if (Number.isFinite(room)) leaveWishes(pool, taken.length < limit ? (query.runs ?? []) : [], query.unfit)
    return taken
  }

  /** Replaces the wishes of this worker: it could have taken more of these runs. */
  function leaveWishes(pool: string, runs: readonly string[], unfit: MessageQuery['unfit']): void {
    unwish.run(clock.steady(), worker, pool)
    for (const run of runs)
      if (hasVisible(pool, run, unfit)) wish.run(worker, pool, run, clock.steady() + WISH_MS)
  }

  /** This process has sent since it last took, or got all that it asked for: that need not be looked for first. */
  let isLikely = false
  /** Nothing was left to take then; delayed messages and other runs are found at the next look. */
  let drained: { until: number; version: number } | undefined

  function isDrained(): boolean {
    return (
      drained !== undefined && clock.steady() < drained.until && database.foreignVersion() === drained.version
    )
  }

  /** A look without a transaction, so that idle workers do not disturb each other. */
  const hasAny = (query: MessageQuery) =>
    Object.keys(query.pools).some((pool) =>
      (query.runs ?? runsIn(pool)).some((run) => hasVisible(pool, run, query.unfit)),
    )

  const receiptOf = ({ receipt }: Delivery): [id: number, delivery: number] => {
    const [id = 0, delivery = 0] = receipt.split('.').map(Number)
    return [id, delivery]
  }

  const sendBy = (ask: Database['commit']) => async (messages: OutgoingMessage[]) => {
    const now = clock.steady()
    const sent = ask(() => {
      for (const { message, delayMs, pool, priority } of messages)
        insert.run(message.run, message.number, message.attempt, now + delayMs, pool, priority)
    })
    // A loop that is woken now takes in the same transaction, after this.
    drained = undefined
    isLikely = true
    onMessage()
    await sent
  }

  const queue: Queue = {
    send: sendBy(database.commit),
    async take(query) {
      if (isDrained() || !(isLikely || hasAny(query))) return []
      isLikely = false
      return database.commit(() => {
        const taken: Delivery[] = []
        for (const [pool, room] of Object.entries(query.pools))
          taken.push(...takeFrom(pool, room, query.limit - taken.length, query))
        const isAll =
          taken.length < query.limit &&
          Object.values(query.pools).every((room) => room === Infinity) &&
          !query.unfit?.size
        isLikely = taken.length === query.limit
        if (isAll) drained = { until: clock.steady() + LOOK_MS, version: database.foreignVersion() }
        return taken
      })
    },
    // No caller waits for the removal: a message that stays is delivered again, and its attempt is found to be over.
    async acknowledge(deliveries) {
      const removed = database.apply(() => {
        for (const delivery of deliveries) remove.run(...receiptOf(delivery))
      })
      removed.catch(() => {})
    },
    async putBack(delivery, delayMs) {
      drained = undefined
      await database.commit(() => show.run(clock.steady() + delayMs, ...receiptOf(delivery)))
    },
    async remove(run) {
      await database.commit(() => {
        forget.run(run)
        forgetTurns.run(run)
      })
    },
  }
  return { ...queue, speculative: { ...queue, send: sendBy(database.apply) } }
}
