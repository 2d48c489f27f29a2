import type { StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import { splitIntoChunks } from '../../core/chunks.ts'
import { MissingTaskError, type Plan, type PlanHeader, type PlannedTask } from '../../core/plan.ts'
import { parsePlanSlice, serializePlanSlice } from '../../core/plan-slice.ts'
import { PLAN_SLICE, type Plans } from '../../core/ports/deciding.ts'
import type { Database } from './database.ts'
import { readSqlRow } from './rows.ts'

/** Parsed slices that are kept: 20,000 tasks. */
const CACHED = 200

/** Plans in slices of 100 tasks, saved in one transaction; immutable, so parsed slices are kept. */
export function makeSqlitePlans(database: Database): Plans {
  const { sql } = database
  const selectHeader = sql.prepare('SELECT header FROM plan WHERE run = ?')
  const selectSlice = sql.prepare('SELECT tasks FROM plan_slice WHERE run = ? AND slice = ?')
  const insertHeader = sql.prepare('INSERT INTO plan (run, header) VALUES (?, ?)')
  const insertSlice = sql.prepare('INSERT INTO plan_slice (run, slice, tasks) VALUES (?, ?, ?)')
  const addSlice = sql.prepare('INSERT OR IGNORE INTO plan_slice (run, slice, tasks) VALUES (?, ?, ?)')
  const forget = ['plan', 'plan_slice'].map((table) =>
    sql.prepare(`DELETE FROM ${table} WHERE run = ? OR (run >= ? AND run < ?)`),
  )
  const headers = new Map<string, PlanHeader>()
  const slices = new LRUCache<string, PlannedTask[]>({ max: CACHED })

  function header(run: string): PlanHeader | undefined {
    const row = headers.has(run) ? undefined : readSqlRow<{ header: string }>(selectHeader, run)
    if (row !== undefined) headers.set(run, JSON.parse(row.header))
    return headers.get(run)
  }

  function slice(run: string, number: number): PlannedTask[] {
    const key = `${run}/${number}`
    const cached = slices.get(key)
    if (cached !== undefined) return cached
    const row = readSqlRow<{ tasks: string }>(selectSlice, run, number)
    // A run's plan may still be extended.
    if (row === undefined) return []
    const tasks = parsePlanSlice(row.tasks)
    slices.set(key, tasks)
    return tasks
  }

  function task(run: string, number: number): PlannedTask {
    const found = slice(run, Math.floor(number / PLAN_SLICE))[number % PLAN_SLICE]
    if (found === undefined) throw new MissingTaskError(run, number)
    return found
  }

  function addSlices(insert: StatementSync, run: string, first: number, tasks: PlannedTask[]): void {
    splitIntoChunks(tasks, PLAN_SLICE).forEach((some, index) => {
      insert.run(run, first + index, serializePlanSlice(some))
    })
  }

  /** What comes first is released first, and need not be read again. */
  function keepFirst(run: string, { tasks }: Plan): void {
    const first = splitIntoChunks(tasks.slice(0, CACHED * PLAN_SLICE), PLAN_SLICE)
    for (const [number, some] of first.entries()) slices.set(`${run}/${number}`, some)
  }

  return {
    async save(run, plan) {
      const isSaved = await database.commit(() => {
        if (header(run) !== undefined) return false
        insertHeader.run(run, JSON.stringify(plan.header))
        addSlices(insertSlice, run, 0, plan.tasks)
        return true
      })
      if (isSaved) keepFirst(run, plan)
      return isSaved
    },
    async extend(run, base, tasks) {
      await database.commit(() => addSlices(addSlice, run, base / PLAN_SLICE, tasks))
    },
    async remove(run) {
      await database.commit(() => {
        // What a run yielded is saved under its name and more, from `~` on.
        for (const each of forget) each.run(run, `${run}~`, `${run}\u007f`)
      })
      headers.delete(run)
      for (const name of [...slices.keys()]) if (name.startsWith(`${run}/`)) slices.delete(name)
    },
    header: async (run) => header(run),
    tasks: async (run, numbers) => numbers.map((number) => task(run, number)),
  }
}
