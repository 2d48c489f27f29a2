/** Size of a node, and the free space around it. */
export const NODE = { width: 224, height: 48, gapX: 56, gapY: 16 }

/** A graph as the layout needs it: nodes are numbers from 0 on. */
export interface LayoutGraph {
  nodes: number
  /** Pairs: from, to, from, to, … */
  edges: Int32Array
}

/** Where nodes are, and through which points each edge goes between its ends. */
export interface Layout {
  x: Float64Array
  y: Float64Array
  /** x and y of the points of each edge; empty for an edge between neighbouring layers. */
  routes: Float64Array[]
}

/** Points for long edges are made only up to so many; beyond, these edges are straight. */
const MAX_POINTS = 20_000
const SWEEPS = 4

/**
 * Places a graph in layers from left to right: a node comes after everything that it needs (longest path). Four
 * barycentre sweeps order each layer, then each node moves towards its neighbours as far as there is space. All steps
 * are linear in nodes and edges, but for sorting.
 */
export function placeGraph({ nodes, edges }: LayoutGraph): Layout {
  const forward = dropBackEdges(nodes, edges)
  const layerOf = findLayers(nodes, forward)
  const long = splitLongEdges(nodes, forward, layerOf)
  const layers = orderLayers(long)
  const { x, y } = placeLayers(layers, long)
  const routes = long.points.map((points) =>
    Float64Array.from(points.flatMap((at) => [x[at] ?? 0, y[at] ?? 0])),
  )
  return { x: x.slice(0, nodes), y: y.slice(0, nodes), routes }
}

type Edge = [from: number, to: number]

/** The edges; one that closes a cycle is turned around. */
function dropBackEdges(nodes: number, flat: Int32Array): Edge[] {
  const edges: Edge[] = []
  for (let at = 0; at < flat.length; at += 2) edges.push([flat[at] ?? 0, flat[at + 1] ?? 0])
  const after = listNeighbours(nodes, edges, 0)
  /** 0: new, 1: on the path, 2: done. */
  const state = new Uint8Array(nodes)
  const rank = new Int32Array(nodes)
  let done = 0
  for (let start = 0; start < nodes; start++) {
    const path: [number, number][] = state[start] === 0 ? [[start, 0]] : []
    state[start] ||= 1
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = after[top[0]]?.[top[1]++]
      if (next === undefined) {
        state[top[0]] = 2
        rank[top[0]] = done++
        path.pop()
      } else if (state[next] === 0) {
        state[next] = 1
        path.push([next, 0])
      }
    }
  }
  // A node is done after all that it leads to, but for cycles.
  return edges.map(([from, to]) => ((rank[from] ?? 0) >= (rank[to] ?? 0) ? [from, to] : [to, from]))
}

function listNeighbours(nodes: number, edges: Edge[], side: 0 | 1): number[][] {
  const lists = Array.from({ length: nodes }, (): number[] => [])
  for (const edge of edges) lists[edge[side]]?.push(edge[1 - side] as number)
  return lists
}

/** The longest path to each node; a node without upstreams moves next to what needs it first. */
function findLayers(nodes: number, given: Edge[]): Int32Array {
  const edges = given.filter(([from, to]) => from !== to)
  const after = listNeighbours(nodes, edges, 0)
  const waits = new Int32Array(nodes)
  for (const [, to] of edges) waits[to] = (waits[to] ?? 0) + 1
  const sources = Array.from(waits.keys()).filter((node) => waits[node] === 0)
  const layerOf = new Int32Array(nodes)
  const order = [...sources]
  for (const node of order)
    for (const next of after[node] ?? []) {
      layerOf[next] = Math.max(layerOf[next] ?? 0, (layerOf[node] ?? 0) + 1)
      waits[next] = (waits[next] ?? 0) - 1
      if (waits[next] === 0) order.push(next)
    }
  for (const node of sources) {
    const layers = (after[node] ?? []).map((next) => layerOf[next] ?? 0)
    layerOf[node] = layers.reduce((first, layer) => Math.min(first, layer - 1), layers[0] ?? 0)
  }
  return layerOf
}

interface LongGraph {
  /** Nodes first, then the points of long edges. */
  layerOf: number[]
  edges: Edge[]
  nodes: number
  /** The points of each edge, in the order in which it was given. */
  points: number[][]
}

function splitLongEdges(nodes: number, edges: Edge[], layers: Int32Array): LongGraph {
  const layerOf = Array.from(layers)
  const short: Edge[] = []
  const points = edges.map(([from, to]) => {
    const [first, last] = [layerOf[from] ?? 0, layerOf[to] ?? 0]
    const between: number[] = []
    let before = from
    for (let layer = first + 1; layer < last && layerOf.length < nodes + MAX_POINTS; layer++) {
      between.push(layerOf.push(layer) - 1)
      short.push([before, layerOf.length - 1])
      before = layerOf.length - 1
    }
    short.push([before, to])
    return between
  })
  return { layerOf, edges: short, nodes, points }
}

/** Orders the nodes of each layer by the mean place of their neighbours. */
function orderLayers({ layerOf, edges }: LongGraph): number[][] {
  const layers: number[][] = []
  layerOf.forEach((layer, node) => {
    layers[layer] ??= []
    layers[layer].push(node)
  })
  for (let layer = 0; layer < layers.length; layer++) layers[layer] ??= []
  const [before, after] = [listNeighbours(layerOf.length, edges, 1), listNeighbours(layerOf.length, edges, 0)]
  const place = new Float64Array(layerOf.length)
  const number = (layer: number[]) => {
    layer.forEach((node, index) => {
      place[node] = index / Math.max(1, layer.length - 1)
    })
  }
  layers.forEach(number)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isForward = sweep % 2 === 0
    const neighbours = isForward ? before : after
    for (const layer of isForward ? layers : layers.toReversed()) {
      const means = new Map(
        layer.map((node) => [node, findMean(neighbours[node], place) ?? place[node] ?? 0]),
      )
      layer.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0) || (place[a] ?? 0) - (place[b] ?? 0))
      number(layer)
    }
  }
  return layers
}

function findMean(nodes: number[] | undefined, value: Float64Array): number | undefined {
  if (nodes === undefined || nodes.length === 0) return undefined
  let sum = 0
  for (const node of nodes) sum += value[node] ?? 0
  return sum / nodes.length
}

function placeLayers(layers: number[][], { layerOf, edges, nodes }: LongGraph) {
  const x = new Float64Array(layerOf.length)
  const y = new Float64Array(layerOf.length)
  const rows = Math.max(14, Math.ceil(2 * Math.sqrt(nodes)))
  const stepY = NODE.height + NODE.gapY
  let left = 0
  for (const layer of layers) {
    const columns = Math.ceil(layer.length / rows)
    const height = Math.min(layer.length, rows)
    layer.forEach((node, index) => {
      x[node] = left + Math.floor(index / rows) * (NODE.width + NODE.gapY)
      y[node] = ((index % rows) - (height - 1) / 2) * stepY
    })
    left += Math.max(1, columns) * (NODE.width + NODE.gapY) - NODE.gapY + NODE.gapX
  }
  const [before, after] = [listNeighbours(layerOf.length, edges, 1), listNeighbours(layerOf.length, edges, 0)]
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const neighbours = sweep % 2 === 0 ? before : after
    for (const layer of sweep % 2 === 0 ? layers : layers.toReversed()) {
      // A layer in several columns is a block, and stays in the middle.
      if (layer.length > rows) continue
      const wanted = layer.map((node) => findMean(neighbours[node], y) ?? y[node] ?? 0)
      spread(wanted, stepY).forEach((at, index) => {
        y[layer[index] ?? 0] = at
      })
    }
  }
  return { x, y }
}

/** The places nearest to the wanted ones, by least squares, that keep the order and the distance. */
function spread(wanted: number[], distance: number): number[] {
  const blocks: { sum: number; count: number }[] = []
  wanted.forEach((at, index) => {
    let block = { sum: at - index * distance, count: 1 }
    for (
      let last = blocks.at(-1);
      last && last.sum / last.count > block.sum / block.count;
      last = blocks.at(-1)
    ) {
      block = { sum: block.sum + last.sum, count: block.count + last.count }
      blocks.pop()
    }
    blocks.push(block)
  })
  return blocks
    .flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count))
    .map((at, index) => at + index * distance)
}
