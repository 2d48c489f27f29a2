import type { Clock, Delivery, Queue } from '../../core/ports.ts'
import type { Database } from './database.ts'

interface Row {
  id: number
  run: string
  number: number
  attempt: number
  delivery: number
}

/** The task queue as a table. */
export function sqliteQueue(database: Database, clock: Clock, onChange: () => void = () => {}): Queue {
  const { sql } = database
  const insert = sql.prepare('INSERT INTO message (run, number, attempt, visible_at) VALUES (?, ?, ?, ?)')
  const columns = 'SELECT id, run, number, attempt, delivery FROM message'
  const visible = sql.prepare(`${columns} WHERE visible_at <= ? ORDER BY id LIMIT ?`)
  const visibleOfRun = sql.prepare(`${columns} WHERE run = ? AND visible_at <= ? ORDER BY id LIMIT ?`)
  const hide = sql.prepare('UPDATE message SET visible_at = ?, delivery = delivery + 1 WHERE id = ?')
  const remove = sql.prepare('DELETE FROM message WHERE id = ? AND delivery = ?')
  const show = sql.prepare('UPDATE message SET visible_at = ? WHERE id = ? AND delivery = ?')

  const find = (run: string | undefined, limit: number) =>
    (run === undefined
      ? visible.all(clock.now(), limit)
      : visibleOfRun.all(run, clock.now(), limit)) as unknown as Row[]

  const receiptOf = (delivery: Delivery) => delivery.receipt.split('.').map(Number) as [number, number]

  return {
    async send(messages) {
      const now = clock.now()
      database.transaction(() => {
        for (const { message, delayMs } of messages)
          insert.run(message.run, message.number, message.attempt, now + delayMs)
      })
      onChange()
    },
    async take({ limit, visibilityMs, run }) {
      if (find(run, 1).length === 0) return []
      return database.transaction(() =>
        find(run, limit).map((row) => {
          hide.run(clock.now() + visibilityMs, row.id)
          const { id, delivery, ...message } = row
          return { message, receipt: `${id}.${delivery + 1}` }
        }),
      )
    },
    async acknowledge(deliveries) {
      database.transaction(() => {
        for (const delivery of deliveries) remove.run(...receiptOf(delivery))
      })
    },
    async putBack(delivery, delayMs) {
      database.transaction(() => show.run(clock.now() + delayMs, ...receiptOf(delivery)))
    },
  }
}
