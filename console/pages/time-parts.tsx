import type { TaskShape } from '../../src/control/control.ts'
import { formatTook } from '../format.ts'
import { Facts } from '../parts.tsx'

type Parts = TaskShape['parts']

const LABELS: [part: keyof Parts, label: string][] = [
  ['queuedMs', 'Queued'],
  ['limitMs', 'Waited for a limit'],
  ['launchMs', 'Launch'],
  ['pullMs', 'Image'],
  ['startMs', 'Start'],
  ['runMs', 'Run'],
]

/** How long each part of an attempt took, as a bar and as words; what is not known is left out. */
export function TimeParts({ parts }: { parts: Parts }) {
  const known = LABELS.flatMap(([part, label]) => {
    const ms = parts[part]
    return ms === undefined ? [] : [{ part, label, ms }]
  })
  const all = known.reduce((sum, { ms }) => sum + ms, 0)
  if (known.length === 0) return null
  return (
    <div class="times">
      <svg class="timebar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        {all > 0 &&
          known.map(({ part, ms }, index) => {
            const before = known.slice(0, index).reduce((sum, each) => sum + each.ms, 0)
            return (
              <rect
                key={part}
                class={`part-${part}`}
                x={(before / all) * 100}
                width={(ms / all) * 100}
                height="4"
              />
            )
          })}
      </svg>
      <Facts rows={known.map(({ label, ms }) => [label, formatTook(ms)])} />
    </div>
  )
}
