import { cutByLook, removeLook } from '../ansi.ts'
import { formatClock, formatUtc, showUnseen } from '../format.ts'
import { findHits, markHits } from '../mark-hits.ts'
import type { Line } from './log-lines.ts'

/** Longer lines are cut on the screen, because browsers are slow with them; copying gives them whole. */
const MAX_SHOWN = 5_000

interface LineProps {
  line: Line
  shown: number
  /** What is searched; empty if nothing is. */
  wanted: string
  mark(): void
}

/** A line of a log: its place, which is its address, when it was written, its level and its text in colours. */
export const LogLine = ({ line, shown, wanted, mark }: LineProps) => (
  <>
    <a
      class="place"
      href={`?line=${shown}`}
      title={formatUtc(line.at)}
      onClick={(event) => {
        event.preventDefault()
        mark()
      }}
    >
      {shown}
    </a>
    <span class="soft clock">{formatClock(line.at)}</span>
    <span class={`level l-${line.level}`}>{line.level}</span>
    <bdi class="text">
      {markHits(cutByLook(line.text.slice(0, MAX_SHOWN)), wanted).map(({ text, look, isHit }, index) =>
        isHit ? (
          <mark key={String(index)} class={look}>
            {showUnseen(text)}
          </mark>
        ) : (
          <span key={String(index)} class={look}>
            {showUnseen(text)}
          </span>
        ),
      )}
      {line.text.length > MAX_SHOWN && (
        <em class="soft">
          {' '}
          … {(line.text.length - MAX_SHOWN).toLocaleString('en')} more characters
          {findHits(removeLook(line.text.slice(MAX_SHOWN)), wanted).length > 0 && ', with a hit'}
        </em>
      )}
    </bdi>
  </>
)

/** Saves a text as a file of the viewer. */
export function saveText(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 1_000)
}
