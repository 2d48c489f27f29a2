import { showUnseen } from '../format.ts'
import { type Layout, NODE } from './layout.ts'
import { cutText, drawShape, font, type Palette, readPalette } from './palette.ts'
import type { Bounds, Drawing, View } from './viewport.ts'

/** A node of a graph as it is drawn: a task, or a family with its tasks by status. */
export interface DrawnNode {
  key: string
  title: string
  note: string
  status: string
  /** A family: how many of its tasks are in each status. */
  counts?: [status: string, count: number][]
  /** It is what the page is about. */
  isMiddle?: boolean
}

/** A graph as it is drawn; edges are pairs of indices. */
export interface DrawnGraph {
  nodes: DrawnNode[]
  edges: [from: number, to: number][]
}

/** Below this zoom texts cannot be read, so they are not drawn. */
const READABLE = 0.4
/** Below this zoom a node is a dot in the colour of its status. */
const DOTS = 0.16
const { width: WIDTH, height: HEIGHT } = NODE

/** The drawing of a graph that is placed. Only what is in sight is drawn. */
export function makeGraphDrawing(
  { nodes, edges }: DrawnGraph,
  layout: Layout,
  open: (node: DrawnNode) => void,
): Drawing {
  const at = (node: number) => ({ x: layout.x[node] ?? 0, y: layout.y[node] ?? 0 })
  const findNode = (x: number, y: number, view: View) => {
    const [wantedX, wantedY] = [view.x + x / view.zoom, view.y + y / view.zoom]
    return nodes.find((_, index) => {
      const { x: left, y: middle } = at(index)
      return wantedX >= left && wantedX <= left + WIDTH && Math.abs(wantedY - middle) <= HEIGHT / 2
    })
  }
  return {
    bounds: findBounds(layout),
    focus: at(findFocus(nodes)),
    maxZoom: 2,
    draw(context, view, size) {
      const palette = readPalette()
      const sight = {
        left: view.x,
        top: view.y,
        right: view.x + size.width / view.zoom,
        bottom: view.y + size.height / view.zoom,
      }
      context.scale(view.zoom, view.zoom)
      context.translate(-view.x, -view.y)
      drawEdges(context, edges, layout, sight, { colour: palette.soft, width: Math.min(2, 1 / view.zoom) })
      nodes.forEach((node, index) => {
        const { x, y } = at(index)
        if (isInSight({ left: x, right: x + WIDTH, top: y - HEIGHT / 2, bottom: y + HEIGHT / 2 }, sight)) {
          if (view.zoom < DOTS) drawDot(context, x, y, palette.of(node.status), view.zoom)
          else drawNode(context, node, x, y - HEIGHT / 2, palette, view.zoom >= READABLE)
        }
      })
    },
    find(x, y, view) {
      const node = findNode(x, y, view)
      return node && { title: `${showUnseen(node.title)}: ${node.note}`, open: () => open(node) }
    },
  }
}

/** The node that the eye looks for first: the middle, else what failed, else the root. */
function findFocus(nodes: DrawnNode[]): number {
  const middle = nodes.findIndex(({ isMiddle }) => isMiddle)
  return Math.max(0, middle >= 0 ? middle : nodes.findIndex(({ status }) => status === 'failed'))
}

function findBounds({ x, y }: Layout): Bounds {
  const bounds = { left: 0, top: 0, right: WIDTH, bottom: 0 }
  x.forEach((left, node) => {
    const middle = y[node] ?? 0
    bounds.right = Math.max(bounds.right, left + WIDTH)
    bounds.top = Math.min(bounds.top, middle - HEIGHT / 2)
    bounds.bottom = Math.max(bounds.bottom, middle + HEIGHT / 2)
  })
  return bounds
}

const isInSight = (box: Bounds, sight: Bounds) =>
  box.right >= sight.left && box.left <= sight.right && box.bottom >= sight.top && box.top <= sight.bottom

function drawEdges(
  context: CanvasRenderingContext2D,
  edges: DrawnGraph['edges'],
  layout: Layout,
  sight: Bounds,
  { colour, width }: { colour: string; width: number },
): void {
  context.beginPath()
  edges.forEach(([from, to], edge) => {
    const start = { x: (layout.x[from] ?? 0) + WIDTH, y: layout.y[from] ?? 0 }
    const end = { x: layout.x[to] ?? 0, y: layout.y[to] ?? 0 }
    const box = {
      left: Math.min(start.x, end.x),
      right: Math.max(start.x, end.x),
      top: Math.min(start.y, end.y) - 200,
      bottom: Math.max(start.y, end.y) + 200,
    }
    if (isInSight(box, sight)) traceEdge(context, start, end, layout.routes[edge])
  })
  context.strokeStyle = colour
  // Many edges would hide the nodes.
  context.globalAlpha = Math.max(0.15, Math.min(0.55, 60 / edges.length))
  context.lineWidth = width
  context.stroke()
  context.globalAlpha = 1
}

interface Point {
  x: number
  y: number
}

/** A curve that passes through the points of a long edge; there it goes along under the nodes of the layer. */
function traceEdge(
  context: CanvasRenderingContext2D,
  start: Point,
  end: Point,
  route: Float64Array = new Float64Array(),
): void {
  let before = start
  context.moveTo(start.x, start.y)
  const curve = (to: Point) => {
    const bend = Math.max(20, Math.abs(to.x - before.x) / 2)
    context.bezierCurveTo(before.x + bend, before.y, to.x - bend, to.y, to.x, to.y)
    before = to
  }
  // An edge that closes a cycle goes back, and has its points the other way round.
  if (end.x > start.x)
    for (let at = 0; at < route.length; at += 2) {
      const point = { x: route[at] ?? 0, y: route[at + 1] ?? 0 }
      curve(point)
      before = { x: point.x + WIDTH, y: point.y }
      context.lineTo(before.x, before.y)
    }
  curve(end)
}

function drawDot(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  colour: string,
  zoom: number,
): void {
  const height = Math.max(HEIGHT, 3 / zoom)
  context.fillStyle = colour
  context.fillRect(x, y - height / 2, Math.max(WIDTH, 3 / zoom), height)
}

function drawNode(
  context: CanvasRenderingContext2D,
  node: DrawnNode,
  x: number,
  y: number,
  palette: Palette,
  isReadable: boolean,
): void {
  const colour = palette.of(node.status)
  context.beginPath()
  context.roundRect(x, y, WIDTH, HEIGHT, 7)
  context.fillStyle = palette.raised
  context.fill()
  context.strokeStyle = node.isMiddle ? palette.text : palette.line
  context.lineWidth = node.isMiddle ? 2.5 : 1.25
  context.stroke()
  if (node.counts !== undefined) drawShares(context, node.counts, x, y, palette)
  else {
    context.fillStyle = colour
    context.fillRect(x, y + 8, 4, HEIGHT - 16)
  }
  if (!isReadable) return
  drawShape(context, node.status, x + 12, y + (HEIGHT - 16) / 2 - 1, colour)
  context.textBaseline = 'middle'
  context.fillStyle = palette.text
  context.font = font(13, 600)
  context.fillText(cutText(context, showUnseen(node.title), WIDTH - 48), x + 38, y + 16)
  context.fillStyle = palette.soft
  context.font = font(12)
  context.fillText(cutText(context, node.note, WIDTH - 48), x + 38, y + 33)
}

/** A bar below a family: which part of its tasks is in which status. */
function drawShares(
  context: CanvasRenderingContext2D,
  counts: [string, number][],
  x: number,
  y: number,
  palette: Palette,
): void {
  const all = counts.reduce((sum, [, count]) => sum + count, 0)
  let left = x + 8
  for (const [status, count] of counts) {
    const width = ((WIDTH - 16) * count) / Math.max(1, all)
    context.fillStyle = palette.of(status)
    context.fillRect(left, y + HEIGHT - 4, Math.max(1, width - 1), 3)
    left += width
  }
}
