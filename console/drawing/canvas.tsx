import { useEffect, useRef } from 'preact/hooks'
import { type Drawing, type View, Viewport } from './viewport.ts'

interface CanvasProps {
  /** What the drawing shows; the table beside it says the same. */
  label: string
  drawing: Drawing | undefined
  /** Another one shows the whole drawing. */
  subject: string
  onView?(view: View): void
}

/** A drawing with its buttons. */
export function Canvas({ label, drawing, subject, onView }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const viewport = useRef<Viewport>()
  const shown = useRef<string>()
  const latest = useRef(onView)
  latest.current = onView
  useEffect(() => {
    if (canvas.current === null) return undefined
    viewport.current = new Viewport(canvas.current, (view) => latest.current?.(view))
    return () => viewport.current?.close()
  }, [])
  useEffect(() => {
    if (drawing === undefined) return
    viewport.current?.show(drawing, shown.current !== subject)
    shown.current = subject
  }, [drawing, subject])
  return (
    <div class="drawing">
      <div
        class="frame"
        role="application"
        tabIndex={0}
        aria-label={`${label}. Arrow keys move it, plus and minus zoom, 0 shows all. The table has the same.`}
      >
        <canvas ref={canvas} />
      </div>
      <div class="zoom">
        <button type="button" aria-label="Larger" onClick={() => viewport.current?.zoomBy(1.5)}>
          +
        </button>
        <button type="button" aria-label="Smaller" onClick={() => viewport.current?.zoomBy(1 / 1.5)}>
          −
        </button>
        <button type="button" onClick={() => viewport.current?.showAll()}>
          All
        </button>
      </div>
    </div>
  )
}
