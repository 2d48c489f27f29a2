import { useRef, useState } from 'preact/hooks'
import type { Timeline } from '../../src/control/control.ts'
import { formatClock } from '../format.ts'

const WIDTH = 1_000
const HEIGHT = 48

interface LoadProps {
  timeline: Timeline
  span: { from: number; to: number }
  choose(from: number, to: number): void
}

/** How many tasks ran at once, over the whole run; what is drawn over it with the mouse is the span that is shown. */
export function Load({ timeline, span, choose }: LoadProps) {
  const { startedAt, endedAt, load } = timeline
  const [brush, setBrush] = useState<[number, number]>()
  const strip = useRef<SVGSVGElement>(null)
  if (startedAt === null || endedAt === null) return null
  const whole = Math.max(1, endedAt - startedAt)
  const most = Math.max(1, ...load.running)
  const toX = (at: number) => ((at - startedAt) / whole) * WIDTH
  const readAt = ({ clientX }: PointerEvent) => {
    const { left, width } = strip.current?.getBoundingClientRect() ?? { left: 0, width: 1 }
    return startedAt + Math.max(0, Math.min(1, (clientX - left) / width)) * whole
  }
  const [from, to] = brush ?? [span.from, span.to]
  const step = WIDTH / Math.max(1, load.running.length)
  const points = load.running.map(
    (count, index) => `${index * step},${HEIGHT - (count / most) * (HEIGHT - 4)}`,
  )
  const outline = `0,${HEIGHT} ${load.running.map((_, index) => `${points[index]} ${(index + 1) * step},${points[index]?.split(',')[1]}`).join(' ')} ${WIDTH},${HEIGHT}`
  return (
    <figure class="load">
      <svg
        ref={strip}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`At most ${most} tasks ran at once`}
        onPointerDown={(event) => {
          strip.current?.setPointerCapture(event.pointerId)
          setBrush([readAt(event), readAt(event)])
        }}
        onPointerMove={(event) => brush && setBrush([brush[0], readAt(event)])}
        onPointerUp={() => {
          if (brush === undefined) return
          setBrush(undefined)
          const [first, last] = brush[0] < brush[1] ? brush : [brush[1], brush[0]]
          if (last - first > whole / 200) choose(Math.floor(first), Math.ceil(last))
        }}
      >
        <polygon points={outline} />
        <rect
          x={toX(Math.min(from, to))}
          width={Math.max(1, toX(Math.max(from, to)) - toX(Math.min(from, to)))}
          height={HEIGHT}
        />
      </svg>
      <figcaption class="soft">
        <span>{formatClock(startedAt).slice(0, 8)}</span>
        <span>at most {most.toLocaleString('en')} at once · draw a span to zoom</span>
        <span>{formatClock(endedAt).slice(0, 8)}</span>
      </figcaption>
    </figure>
  )
}
