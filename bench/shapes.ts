/** Graphs that every engine runs: `size` tasks and a root; tasks are numbered from 0, and `root` requires the last ones. */

/** A family of graphs. */
export type Shape = 'wide' | 'layered' | 'chain' | 'diamond'

/** Tasks in one layer of `layered`, and the upstreams of each. */
const LAYER = 100
const UPSTREAMS = 3

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

/** Numbers of the tasks that task `number` requires. */
export function upstreamsOf(shape: Shape, size: number, number: number): number[] {
  switch (shape) {
    case 'wide':
      return []
    case 'layered': {
      const layer = Math.floor(number / LAYER)
      if (layer === 0) return []
      const first = (layer - 1) * LAYER
      return range(0, UPSTREAMS).map((each) => first + ((number + each * 7) % LAYER))
    }
    case 'chain':
      return number === 0 ? [] : [number - 1]
    case 'diamond':
      if (number === 0) return []
      return number < size - 1 ? [0] : range(1, size - 1)
  }
}

/** Numbers of the tasks that the root requires. */
export function sinksOf(shape: Shape, size: number): number[] {
  switch (shape) {
    case 'wide':
      return range(0, size)
    case 'layered':
      return range(Math.max(0, size - LAYER), size)
    case 'chain':
    case 'diamond':
      return [size - 1]
  }
}
