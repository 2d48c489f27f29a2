import { setTimeout as sleep } from 'node:timers/promises'
import type { Control, LogPage } from '../../control/control.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions } from '../options.ts'
import { outputUnread } from '../output.ts'
import { renderLogLine } from '../render/log-line.ts'
import { renderNoLines } from '../render/no-lines.ts'

/** Flags of `sluice logs`. */
export interface LogsOptions extends GlobalOptions {
  follow?: true
  tail?: number
  attempt?: number
}

type Line = LogPage['lines'][number]

/** Prints the lines of a run or of one of its tasks, in order of time; with `--follow` until the run has ended. */
export async function printLogs(
  run: string,
  task: string | undefined,
  options: LogsOptions,
  print: (line: string) => void,
): Promise<void> {
  await using control = await openControl(options, undefined)
  const { attempt, follow = false, tail, json } = options
  const isNew = makeNewLineFilter()
  const query = { run, task, attempt, follow }
  let { page, lines } = await readNew(control, query, isNew)
  const printAll = (some: Line[]) => {
    for (const line of some) print(json ? JSON.stringify(line) : renderLogLine(line, page.isSingle))
  }
  printAll(tail === undefined ? lines : lines.slice(-tail))
  if (lines.length === 0 && !json && !follow) console.error(renderNoLines(task ?? page.run, page))
  while (follow && page.isOpen && !outputUnread.aborted) {
    await sleep(page.lookAgainMs)
    ;({ page, lines } = await readNew(control, { ...query, run: page.run, cursor: page.next }, isNew))
    printAll(lines)
  }
}

/** Reads pages as long as more lines are there. */
async function readNew(
  control: Control,
  query: Parameters<Control['logs']>[0],
  isNew: (line: Line) => boolean,
): Promise<{ page: LogPage; lines: Line[] }> {
  let page = await control.logs(query)
  const lines = page.lines.filter(isNew)
  while (page.isMore) {
    page = await control.logs({ ...query, run: page.run, cursor: page.next })
    for (const line of page.lines) if (isNew(line)) lines.push(line)
  }
  return { page, lines }
}

/** Lets each line through once: a page may have lines of the one before. */
function makeNewLineFilter(): (line: Line) => boolean {
  const seen = new Set<string>()
  return (line) => {
    const key = JSON.stringify([line.number, line.attempt, line.at, line.line, line.text])
    if (seen.has(key)) return false
    seen.add(key)
    return true
  }
}
