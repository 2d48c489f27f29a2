import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Layout, NODE, placeGraph } from '../../console/drawing/layout.ts'
import fc from '../support/fast-check.ts'

const edgesOf = (pairs: [number, number][]) => Int32Array.from(pairs.flat())

function assertApart({ x, y }: Layout): void {
  const nodes = Array.from(x.keys()).sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0) || (y[a] ?? 0) - (y[b] ?? 0))
  nodes.forEach((node, index) => {
    const before = nodes[index - 1]
    if (before === undefined || x[before] !== x[node]) return
    assert.ok((y[node] ?? 0) - (y[before] ?? 0) >= NODE.height - 1e-6, `nodes ${before} and ${node} overlap`)
  })
}

describe('the layout of a graph', () => {
  it('has everything that a node needs at its left, and no two nodes at one place', () => {
    const graphs = fc.integer({ min: 1, max: 60 }).chain((nodes) => {
      const node = fc.nat(nodes - 1)
      return fc.record({
        nodes: fc.constant(nodes),
        pairs: fc.array(fc.tuple(node, node), { maxLength: 120 }),
      })
    })
    fc.assert(
      fc.property(graphs, ({ nodes, pairs }) => {
        const forward = pairs.map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
        const layout = placeGraph({ nodes, edges: edgesOf(forward) })
        for (const [from, to] of forward)
          if (from !== to) assert.ok((layout.x[from] ?? 0) < (layout.x[to] ?? 0), `${from} is left of ${to}`)
        assertApart(layout)
        assertApart(placeGraph({ nodes, edges: edgesOf(pairs) }))
      }),
    )
  })

  it('places a cycle, and a long chain without recursion', () => {
    assertApart(
      placeGraph({
        nodes: 3,
        edges: edgesOf([
          [0, 1],
          [1, 2],
          [2, 0],
          [1, 1],
        ]),
      }),
    )
    const chain = Array.from({ length: 100_000 - 1 }, (_, node): [number, number] => [node, node + 1])
    const { x } = placeGraph({ nodes: 100_000, edges: edgesOf(chain) })
    assert.ok((x[99_999] ?? 0) > (x[99_998] ?? 0))
  })

  it('folds a wide layer into columns', () => {
    const wide = Array.from({ length: 10_000 }, (_, node): [number, number] => [node + 1, 0])
    const layout = placeGraph({ nodes: 10_001, edges: edgesOf(wide) })
    assertApart(layout)
    const height = Math.max(...layout.y.slice(0, 300)) - Math.min(...layout.y.slice(0, 300))
    assert.ok(height < 300 * NODE.height)
  })
})
