import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import { readRunTable } from '../../src/control/run-table.ts'
import { pipeline, task } from '../../src/index.ts'
import { checkedControl } from './checked-control.ts'
import { openState } from './open-state.ts'

const PARTS = 2_500

const Part = task('GraphPart', { params: { part: z.int() } }, async () => null)
const Wide = task(
  'GraphWide',
  { params: {}, requires: () => Array.from({ length: PARTS }, (_, part) => Part({ part })) },
  async () => null,
)
const Found = task('GraphFound', { params: { page: z.int() } }, async () => null)
const Pages = task('GraphPages', { params: {} }, async ({ need }) => {
  await need([Found({ page: 1 }), Found({ page: 2 })])
  return null
})

async function runToEnd(test: TestContext, name: string) {
  const { home, control: open } = openState(test, [
    pipeline('graph-wide', Wide),
    pipeline('graph-pages', Pages),
  ])
  test.after(() => home.close())
  const control = checkedControl(open(false))
  const started = await control.start({ name })
  assert.ok('run' in started)
  for await (const _ of control.follow({ runs: [started.run] }));
  return { home, control, run: started.run }
}

describe('the graph of a run', () => {
  it('looks through joins, and cuts a cone of thousands', async (test) => {
    const { control, run } = await runToEnd(test, 'graph-wide')
    const graph = await control.graph({ run })
    assert.deepEqual(
      graph.families.map(({ family, tasks }) => [family, tasks]),
      [
        ['GraphWide', 1],
        ['GraphPart', PARTS],
      ],
    )
    assert.deepEqual(graph.edges, [{ from: 1, to: 0, count: PARTS }])
    const cone = await control.cone({ run, task: 'GraphWide', limit: 10 })
    assert.deepEqual([cone.tasks.length, cone.edges.length, cone.upstreams], [11, 10, PARTS])
    assert.deepEqual(cone.cut, [{ side: 'upstream', family: 'GraphPart', tasks: PARTS - 10 }])
    assert.deepEqual(cone.outside, [{ number: 0, side: 'upstream', family: 'GraphPart', tasks: PARTS - 10 }])
  })

  it('has what a task yielded among its upstreams', async (test) => {
    const { control, run } = await runToEnd(test, 'graph-pages')
    const graph = await control.graph({ run })
    assert.deepEqual(graph.edges, [{ from: 1, to: 0, count: 2 }])
    assert.equal((await control.cone({ run, task: 'GraphPages' })).upstreams, 2)
  })

  it('reads a run that has ended once', async (test) => {
    const { home, control, run } = await runToEnd(test, 'graph-wide')
    await control.graph({ run })
    const { store, plans } = home.context.ports
    const fail = () => assert.fail('it is read again')
    const ports = { ...home.context.ports, store: { ...store, list: fail }, plans: { ...plans, tasks: fail } }
    const [record] = await store.read([`run/${run}`])
    assert.ok(record)
    const closed = Object.assign(home, { context: { ...home.context, ports } })
    assert.equal((await readRunTable(closed, record)).numbers.length, PARTS + 1)
    assert.deepEqual(
      (await control.graph({ run })).families.map(({ counts }) => counts),
      [{ succeeded: 1 }, { succeeded: PARTS }],
    )
  })
})
