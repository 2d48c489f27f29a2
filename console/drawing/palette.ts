import { SHAPES } from '../shapes.ts'

/** Which colour of the style sheet a status has. */
const COLOURS: { [status: string]: string } = {
  succeeded: '--good',
  complete: '--good',
  failed: '--bad',
  upstream_failed: '--bad',
  running: '--busy',
  planning: '--busy',
  expanding: '--busy',
  queued: '--warn',
  waiting: '--warn',
}

/** Colours of the page, as they are in the scheme of now. */
export interface Palette {
  of(status: string): string
  text: string
  soft: string
  line: string
  raised: string
  ground: string
  link: string
}

/** Reads the colours of the page. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string) => style.getPropertyValue(name).trim()
  const known = new Map<string, string>()
  return {
    of(status) {
      const name = COLOURS[status] ?? '--off'
      const colour = known.get(name) ?? read(name)
      known.set(name, colour)
      return colour
    },
    text: read('--text'),
    soft: read('--soft'),
    line: read('--line'),
    raised: read('--raised'),
    ground: read('--ground'),
    link: read('--link'),
  }
}

const paths = new Map<string, Path2D>()

/** Draws the shape of a status, 16 units large, at a point. */
export function drawShape(
  context: CanvasRenderingContext2D,
  status: string,
  x: number,
  y: number,
  colour: string,
): void {
  const path = paths.get(status) ?? new Path2D(SHAPES[status] ?? SHAPES.failed)
  paths.set(status, path)
  context.save()
  context.translate(x, y)
  context.strokeStyle = colour
  context.lineWidth = 2
  context.lineCap = 'round'
  context.lineJoin = 'round'
  context.stroke(path)
  context.restore()
}

/** The font of a drawing. */
export const font = (size: number, weight = 400) => `${weight} ${size}px system-ui, sans-serif`

const cuts = new Map<string, string>()
const MAX_CUTS = 5_000

/** A text as wide as there is space; a longer one keeps its beginning and its end, where labels differ. */
export function cutText(context: CanvasRenderingContext2D, text: string, width: number): string {
  const key = `${context.font} ${width} ${text}`
  const known = cuts.get(key)
  if (known !== undefined) return known
  if (cuts.size >= MAX_CUTS) cuts.clear()
  const signs = [...text]
  const keep = (count: number) =>
    count >= signs.length
      ? text
      : `${signs.slice(0, Math.ceil(count * 0.6)).join('')}…${signs.slice(signs.length - Math.floor(count * 0.4)).join('')}`
  let [low, high] = [0, Math.min(signs.length, 300)]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (context.measureText(keep(middle)).width <= width) low = middle
    else high = middle - 1
  }
  cuts.set(key, keep(low))
  return keep(low)
}
