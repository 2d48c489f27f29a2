import { setTimeout as sleep } from 'node:timers/promises'
import type { Control, LogPage } from '../../control/control.ts'
import { EXIT } from '../exit.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { outputUnread } from '../output.ts'
import { renderLogLine } from '../render/log-line.ts'
import { renderNoHits, renderNoLines } from '../render/no-lines.ts'

type Line = LogPage['lines'][number]

/** Flags of `sluice logs`. */
export interface LogsOptions extends GlobalOptions {
  follow?: true
  tail?: number
  attempt?: number
  grep?: string
  level?: Line['level']
}

/**
 * Prints the lines of a run or of one of its tasks, in order of time; with `--follow` until the run has ended. A search that finds
 * nothing ends with another code, as that of `grep` does.
 */
export async function printLogs(
  run: string,
  task: string | undefined,
  options: LogsOptions,
  print: (line: string) => void,
): Promise<Result> {
  await using control = await openControl(options, undefined)
  const { attempt, follow = false, tail, grep, level, json } = options
  const isSearch = grep !== undefined || (level !== undefined && level !== 'debug')
  const query = { run, task, attempt, follow, ...(grep && { text: grep }), ...(level && { level }) }
  const isNew = makeNewLineFilter()
  let found = 0
  let looked = 0
  const takeNew = (page: LogPage) => {
    const lines = page.lines.filter(isNew)
    found += lines.length
    looked += page.looked
    return lines
  }
  const show = (page: LogPage, lines: Line[]) => {
    for (const line of lines) print(json ? JSON.stringify(line) : renderLogLine(line, page.isSingle))
  }
  let last: Line[] = []
  let page = await readPages(control, query, (each) => {
    const lines = takeNew(each)
    if (tail === undefined) show(each, lines)
    else last = [...last, ...lines].slice(-tail)
  })
  show(page, last)
  const sayNone = () => {
    if (json || found > 0) return
    const name = task ?? page.run
    const isSearched = isSearch && page.hasBegun
    console.error(isSearched ? renderNoHits(name, { grep, level, looked }) : renderNoLines(name, page))
  }
  if (!follow) sayNone()
  while (follow && page.isOpen && !outputUnread.aborted) {
    await sleep(page.lookAgainMs)
    page = await readPages(control, { ...query, run: page.run, cursor: page.next }, (each) =>
      show(each, takeNew(each)),
    )
  }
  if (follow && isSearch) sayNone()
  const exitCode = isSearch && found === 0 ? EXIT.failed : EXIT.done
  return { data: { found }, text: '', isPrinted: true, exitCode }
}

/** Reads pages as long as there are more and the output is read; returns the last one. */
async function readPages(
  control: Control,
  query: Parameters<Control['logs']>[0],
  onPage: (page: LogPage) => void,
): Promise<LogPage> {
  let page = await control.logs(query)
  onPage(page)
  while (page.isMore && !outputUnread.aborted) {
    page = await control.logs({ ...query, run: page.run, cursor: page.next })
    onPage(page)
  }
  return page
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
