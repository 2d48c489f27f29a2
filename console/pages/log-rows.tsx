import { useEffect, useRef } from 'preact/hooks'
import { useWindow } from '../virtual.ts'
import { LogLine } from './log-line.tsx'
import type { Line } from './log-lines.ts'

const LINE_HEIGHT = 20

interface RowsProps {
  lines: Line[]
  isWrapped: boolean
  isFollowed: boolean
  /** Called once the reader has scrolled up. */
  leaveEnd(): void
  /** The index to which the list scrolls whenever it changes; -1 if none. */
  jumpTo: number
  /** Another value has it scroll there once more. */
  jump: unknown
  /** The number that is shown for a line. */
  numberOf(line: Line): number
  isMarked(line: Line): boolean
  /** What is searched in the lines; empty if nothing is. */
  wanted: string
  mark(line: Line): void
}

/** The lines of a log; only those in sight are elements of the page. */
export function LogRows({
  lines,
  isWrapped,
  isFollowed,
  leaveEnd,
  jumpTo,
  jump,
  numberOf,
  isMarked,
  wanted,
  mark,
}: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useWindow(scroller, {
    count: lines.length,
    height: LINE_HEIGHT,
    key: (index) => lines[index]?.place ?? index,
  })
  useEffect(() => rows.measure(), [isWrapped])
  useEffect(() => {
    if (isFollowed && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: 'end' })
  }, [isFollowed, lines.length])
  useEffect(() => {
    if (jumpTo >= 0) rows.scrollToIndex(jumpTo, { align: 'center' })
  }, [jumpTo, jump])
  const last = lines.at(-1)
  const digits = String(last === undefined ? 0 : Math.max(numberOf(last), lines.length)).length
  return (
    <div
      class={`log ${isWrapped ? 'wrapped' : ''}`}
      ref={scroller}
      style={{ '--place': `calc(${digits}ch + 16px)` }}
      role="region"
      aria-label="Lines of the log"
      tabIndex={0}
      onWheel={({ deltaY }) => deltaY < 0 && leaveEnd()}
      onKeyDown={({ key }) => ['ArrowUp', 'PageUp', 'Home'].includes(key) && leaveEnd()}
    >
      <div class="tall" style={{ height: `${rows.getTotalSize()}px` }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const line = lines[index]
          return (
            line && (
              <div
                key={line.place}
                data-index={index}
                ref={rows.measureElement}
                class={`line l-${line.level} ${isMarked(line) ? 'marked' : ''}`}
                style={{ transform: `translateY(${start}px)` }}
              >
                <LogLine line={line} shown={numberOf(line)} wanted={wanted} mark={() => mark(line)} />
              </div>
            )
          )
        })}
      </div>
    </div>
  )
}
