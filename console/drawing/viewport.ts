/** What a canvas shows: a point of the drawing at its upper left corner, and how large a unit is. */
export interface View {
  x: number
  y: number
  zoom: number
}

/** The part of a drawing that has something in it. */
export interface Bounds {
  left: number
  top: number
  right: number
  bottom: number
}

/** How a drawing is shown and used. */
export interface Drawing {
  draw(context: CanvasRenderingContext2D, view: View, size: { width: number; height: number }): void
  bounds: Bounds
  /** Only the horizontal direction is zoomed, as in a timeline. */
  isFlat?: boolean
  maxZoom: number
  /** What is shown first if the whole would be too small to read. */
  focus?: { x: number; y: number }
  /** What is at a point of the canvas, and what is said of it. */
  find(x: number, y: number, view: View): { title: string; open(): void } | undefined
}

const STEP = 60
const FACTOR = 1.25
/** A pointer that moved less was a click. */
const CLICK = 4
const MARGIN = 24
/** At this zoom names can be read. */
const LEAST_FIRST_ZOOM = 0.75

/** A canvas that is moved and zoomed by mouse, touch and keyboard; it draws at most once a frame, and only after a change. */
export class Viewport {
  view: View = { x: 0, y: 0, zoom: 1 }
  #drawing: Drawing | undefined
  #frame = 0
  #size = { width: 0, height: 0 }
  #pointers = new Map<number, { x: number; y: number }>()
  #moved = 0
  /** It was neither moved nor zoomed, so it fits itself to another size. */
  #isFitted = true
  readonly #canvas: HTMLCanvasElement
  /** What has the focus. */
  readonly #focusable: HTMLElement
  readonly #observer: ResizeObserver
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)')
  readonly #onView: (view: View) => void

  constructor(canvas: HTMLCanvasElement, onView: (view: View) => void = () => {}) {
    this.#canvas = canvas
    this.#focusable = canvas.parentElement ?? canvas
    this.#onView = onView
    this.#observer = new ResizeObserver(() => this.#resize())
    this.#observer.observe(canvas)
    this.#scheme.addEventListener('change', this.redraw)
    canvas.addEventListener('pointerdown', this.#press)
    canvas.addEventListener('pointermove', this.#move)
    canvas.addEventListener('pointerup', this.#release)
    canvas.addEventListener('pointercancel', this.#release)
    canvas.addEventListener('wheel', this.#wheel, { passive: false })
    this.#focusable.addEventListener('keydown', this.#key)
  }

  close(): void {
    this.#observer.disconnect()
    this.#scheme.removeEventListener('change', this.redraw)
    cancelAnimationFrame(this.#frame)
  }

  /** Shows another drawing; the view stays, unless the whole is wanted. */
  show(drawing: Drawing, isWhole: boolean): void {
    this.#drawing = drawing
    if (isWhole) this.#showFirst()
    else this.redraw()
  }

  /** Zooms so that everything is seen, but nothing is larger than it is. */
  showAll(): void {
    this.#isFitted = true
    const { width, height } = this.#size
    if (this.#drawing === undefined || width === 0) return
    const { bounds, isFlat } = this.#drawing
    const [wide, high] = [bounds.right - bounds.left, bounds.bottom - bounds.top]
    const fitX = (width - 2 * MARGIN) / Math.max(1e-9, wide)
    const zoom = isFlat ? fitX : Math.min(1, fitX, (height - 2 * MARGIN) / Math.max(1, high))
    const x = (bounds.left + bounds.right) / 2 - width / 2 / zoom
    const y = isFlat ? bounds.top : (bounds.top + bounds.bottom) / 2 - height / 2 / zoom
    this.#set({ x, y, zoom })
  }

  #showFirst(): void {
    this.showAll()
    const { focus } = this.#drawing ?? {}
    if (focus === undefined || this.view.zoom >= LEAST_FIRST_ZOOM) return
    const [width, height] = [this.#size.width / LEAST_FIRST_ZOOM, this.#size.height / LEAST_FIRST_ZOOM]
    const { left, right, top, bottom } = this.#drawing?.bounds ?? { left: 0, right: 0, top: 0, bottom: 0 }
    this.#set({
      x: placeSpan(focus.x, width, left, right),
      y: placeSpan(focus.y, height, top, bottom),
      zoom: LEAST_FIRST_ZOOM,
    })
  }

  /** Zooms around a point of the canvas, by default its middle. */
  zoomBy(factor: number, atX = this.#size.width / 2, atY = this.#size.height / 2): void {
    this.#isFitted = false
    const { x, y, zoom } = this.view
    const next = Math.min(this.#drawing?.maxZoom ?? 1, Math.max(this.#findLeastZoom(), zoom * factor))
    const stays = (at: number) => at / zoom - at / next
    this.#set({ x: x + stays(atX), y: this.#drawing?.isFlat ? y : y + stays(atY), zoom: next })
  }

  moveBy(dx: number, dy: number): void {
    this.#isFitted = false
    this.#shift(dx, dy)
  }

  #shift(dx: number, dy: number): void {
    const { x, y, zoom } = this.view
    this.#set({ x: x + dx / zoom, y: y + dy / (this.#drawing?.isFlat ? 1 : zoom), zoom })
  }

  readonly redraw = (): void => {
    cancelAnimationFrame(this.#frame)
    this.#frame = requestAnimationFrame(() => this.#draw())
  }

  #findLeastZoom(): number {
    const { left, right, top, bottom } = this.#drawing?.bounds ?? { left: 0, right: 1, top: 0, bottom: 1 }
    const { width, height } = this.#size
    const fitX = width / Math.max(1e-9, right - left)
    return (this.#drawing?.isFlat ? fitX : Math.min(1, fitX, height / Math.max(1, bottom - top))) / 2
  }

  /** Keeps a part of the drawing in sight. */
  #set(view: View): void {
    const { width, height } = this.#size
    const { left, right, top, bottom } = this.#drawing?.bounds ?? { left: 0, right: 0, top: 0, bottom: 0 }
    const zoomY = this.#drawing?.isFlat ? 1 : view.zoom
    const [half, third] = [width / view.zoom / 2, height / zoomY / 2]
    const y = this.#drawing?.isFlat
      ? Math.max(top, Math.min(view.y, Math.max(top, bottom - height)))
      : Math.max(top - third, Math.min(view.y, bottom - third))
    this.view = { x: Math.max(left - half, Math.min(view.x, right - half)), y, zoom: view.zoom }
    this.#onView(this.view)
    this.redraw()
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas
    const before = this.#size
    this.#size = { width, height }
    this.#canvas.width = Math.round(width * devicePixelRatio)
    this.#canvas.height = Math.round(height * devicePixelRatio)
    if (before.width === 0 || this.#isFitted) this.#showFirst()
    // What is in the middle stays there.
    else this.#shift((before.width - width) / 2, (before.height - height) / 2)
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d')
    if (context === null || this.#drawing === undefined || this.#size.width === 0) return
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0)
    context.clearRect(0, 0, this.#size.width, this.#size.height)
    this.#drawing.draw(context, this.view, this.#size)
  }

  readonly #press = (event: PointerEvent): void => {
    if (event.button !== 0) return
    this.#canvas.setPointerCapture(event.pointerId)
    this.#pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY })
    this.#moved = 0
  }

  readonly #move = ({ pointerId, offsetX: x, offsetY: y }: PointerEvent): void => {
    const before = this.#pointers.get(pointerId)
    if (before === undefined) {
      this.#point(x, y)
      return
    }
    this.#pointers.set(pointerId, { x, y })
    this.#moved += Math.hypot(x - before.x, y - before.y)
    const [other] = [...this.#pointers].filter(([id]) => id !== pointerId).map(([, point]) => point)
    if (other === undefined) this.moveBy(before.x - x, before.y - y)
    else {
      const distance = (point: { x: number; y: number }) =>
        Math.max(1, Math.hypot(point.x - other.x, point.y - other.y))
      this.zoomBy(distance({ x, y }) / distance(before), other.x, other.y)
    }
  }

  readonly #release = (event: PointerEvent): void => {
    if (!this.#pointers.delete(event.pointerId) || event.type === 'pointercancel') return
    if (this.#moved < CLICK) this.#drawing?.find(event.offsetX, event.offsetY, this.view)?.open()
  }

  #point(x: number, y: number): void {
    const found = this.#drawing?.find(x, y, this.view)
    this.#canvas.style.cursor = found === undefined ? 'grab' : 'pointer'
    this.#canvas.title = found?.title ?? ''
  }

  /** The wheel zooms once the drawing has the focus; before, it scrolls the page. */
  readonly #wheel = (event: WheelEvent): void => {
    if (!event.ctrlKey && document.activeElement !== this.#focusable) return
    event.preventDefault()
    this.zoomBy(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY)
  }

  readonly #key = (event: KeyboardEvent): void => {
    const acts: { [key: string]: () => void } = {
      ArrowLeft: () => this.moveBy(-STEP, 0),
      ArrowRight: () => this.moveBy(STEP, 0),
      ArrowUp: () => this.moveBy(0, -STEP),
      ArrowDown: () => this.moveBy(0, STEP),
      '+': () => this.zoomBy(FACTOR),
      '=': () => this.zoomBy(FACTOR),
      '-': () => this.zoomBy(1 / FACTOR),
      '0': () => this.showAll(),
    }
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : acts[event.key]
    if (act === undefined) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }
}

/** Where a span of a length begins that has a point in its middle and shows no more empty space than it has to. */
function placeSpan(middle: number, length: number, first: number, last: number): number {
  if (last - first <= length - 2 * MARGIN) return (first + last - length) / 2
  return Math.max(first - MARGIN, Math.min(middle - length / 2, last + MARGIN - length))
}
