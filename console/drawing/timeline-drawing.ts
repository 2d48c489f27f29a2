import type { Timeline } from '../../src/control/control.ts'
import { formatClock, formatTook, showUnseen } from '../format.ts'
import { cutText, drawShape, font, type Palette, readPalette } from './palette.ts'
import type { Drawing, View } from './viewport.ts'

type Task = Timeline['tasks'][number]

/** A bar of a timeline: a task in one of the rows of its family. */
interface Bar {
  task: Task
  row: number
  from: number
  to: number
}

const ROW = 22
/** The axis above the rows. */
const AXIS = 28
const FAMILY = 24
/** A bar that is shorter is drawn so long, to be seen. */
const LEAST = 3

/** Rows of a timeline: the name of a family, then its tasks in as few rows as they need. */
export function placeBars(tasks: Task[], now: number) {
  const bars: Bar[] = []
  const names: { family: string; top: number }[] = []
  let top = 0
  for (const [family, alike] of Map.groupBy(tasks, (task) => task.family)) {
    names.push({ family, top })
    top += FAMILY
    const ends: number[] = []
    for (const task of alike) {
      const from = task.startedAt ?? now
      const to = Math.max(from, task.endedAt ?? now)
      const free = ends.findIndex((end) => end <= from)
      const row = free === -1 ? ends.length : free
      ends[row] = to
      bars.push({ task, row: top + row * ROW, from, to })
    }
    top += ends.length * ROW + 6
  }
  return { bars, names, height: top + AXIS }
}

/** The drawing of a timeline; a unit is a millisecond from `start` on, and rows are not zoomed. */
export function makeTimelineDrawing(
  tasks: Task[],
  span: { from: number; to: number },
  now: number,
  open: (task: Task) => void,
): Drawing {
  const { bars, names, height } = placeBars(tasks, now)
  const toX = (at: number, view: View) => (at - span.from - view.x) * view.zoom
  return {
    bounds: { left: 0, right: Math.max(1, span.to - span.from), top: 0, bottom: height },
    isFlat: true,
    maxZoom: 20,
    draw(context, view, { width, height: high }) {
      const palette = readPalette()
      for (const bar of bars) {
        const y = AXIS + bar.row - view.y
        const [left, right] = [toX(bar.from, view), toX(bar.to, view)]
        const isInSight = y >= 0 && y <= high && right >= -LEAST && left <= width
        if (isInSight) drawBar(context, bar.task, { left, right, y, width }, palette)
      }
      context.font = font(12, 600)
      context.textBaseline = 'middle'
      context.fillStyle = palette.soft
      for (const { family, top } of names) {
        const y = AXIS + top - view.y + FAMILY / 2
        if (y > 0 && y < high) context.fillText(cutText(context, showUnseen(family), width - 24), 10, y)
      }
      drawAxis(context, span.from, view, width, palette)
    },
    find(x, y, view) {
      const bar = bars.find(({ row, from, to }) => {
        const top = AXIS + row - view.y
        const left = toX(from, view)
        return y >= top && y <= top + ROW - 3 && x >= left && x <= Math.max(left + LEAST + 2, toX(to, view))
      })
      if (bar === undefined) return undefined
      const { task } = bar
      const title = `${showUnseen(task.task)}: ${task.status.replaceAll('_', ' ')}, ${formatTook(bar.to - bar.from)}`
      return { title, open: () => open(task) }
    },
  }
}

function drawBar(
  context: CanvasRenderingContext2D,
  task: Task,
  place: { left: number; right: number; y: number; width: number },
  palette: Palette,
): void {
  const colour = palette.of(task.status)
  const left = Math.max(-4, place.left)
  const wide = Math.max(LEAST, Math.min(place.right, place.width + 4) - left)
  const high = ROW - 4
  context.globalAlpha = 0.22
  context.fillStyle = colour
  context.fillRect(left, place.y, wide, high)
  context.globalAlpha = 1
  context.fillRect(left, place.y, Math.min(wide, 3), high)
  if (wide < 24) return
  drawShape(context, task.status, left + 5, place.y + 1, colour)
  if (wide < 60) return
  context.font = font(12)
  context.textBaseline = 'middle'
  context.fillStyle = palette.text
  context.fillText(
    cutText(context, showUnseen(task.task), Math.floor(wide - 32)),
    left + 25,
    place.y + high / 2 + 1,
  )
}

/** Steps between lines of the axis, in milliseconds. */
const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3,
  1800e3, 3600e3, 7200e3, 10_800e3, 21_600e3, 43_200e3, 86_400e3,
]
const LABEL = 110

function drawAxis(
  context: CanvasRenderingContext2D,
  from: number,
  view: View,
  width: number,
  palette: Palette,
): void {
  context.fillStyle = palette.ground
  context.fillRect(0, 0, width, AXIS - 4)
  const step =
    STEPS.find((each) => each * view.zoom >= LABEL) ?? 86_400e3 * Math.ceil(LABEL / (86_400e3 * view.zoom))
  const first = Math.ceil((from + view.x) / step) * step
  context.font = font(11.5)
  context.textBaseline = 'middle'
  for (let at = first; (at - from - view.x) * view.zoom < width; at += step) {
    const x = (at - from - view.x) * view.zoom
    context.fillStyle = palette.line
    context.fillRect(Math.round(x), 0, 1, AXIS - 6)
    context.fillStyle = palette.soft
    context.fillText(writeTime(at, step), x + 5, (AXIS - 6) / 2)
  }
  context.fillStyle = palette.line
  context.fillRect(0, AXIS - 5, width, 1)
}

/** The time of an instant, as exactly as the steps of the axis need it. */
function writeTime(at: number, step: number): string {
  const clock = formatClock(at)
  if (step < 1_000) return clock
  const day = new Date(at)
  return step < 21_600e3 ? clock.slice(0, 8) : `${day.getDate()}.${day.getMonth() + 1}. ${clock.slice(0, 5)}`
}
