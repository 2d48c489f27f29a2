import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import type { Storage } from '../../src/core/ports/working.ts'
import type { TaskInstance } from '../../src/define/task.ts'
import { planTaskGraph } from '../../src/engine/plan-graph.ts'
import { type Target, task, text } from '../../src/index.ts'
import { makePlanningDefinitions } from '../../src/planning/planning.ts'

/** A storage that counts how it is asked. */
function countingStorage(there: string[]) {
  const asked: string[][] = []
  const storage = {
    uri: (path: string) => `memory:${path}`,
    existMany: async (paths: string[]) => {
      asked.push(paths)
      return paths.map((path) => there.includes(path))
    },
  } as unknown as Storage
  return { asked, storage }
}

const plan = (root: TaskInstance, there: string[] = []) => {
  const { asked, storage } = countingStorage(there)
  const markers = { read: async (ids: string[]) => ids.map(() => undefined) }
  return { asked, planned: planTaskGraph('p', root, makePlanningDefinitions({ storage, markers }), 0) }
}

const Leaf = task('PlanLeaf', { params: { n: z.number() }, output: ({ n }) => text(`leaf/${n}`) }, () => {})
const Wide = task(
  'PlanWide',
  { requires: () => Array.from({ length: 100 }, (_, n) => Leaf({ n })), output: () => text('wide') },
  () => {},
)

describe('planning', () => {
  it('comes to an end where requires does not, and shows the way there', async () => {
    const Endless = task(
      'PlanEndless',
      {
        params: { n: z.number() },
        requires: ({ n }): TaskInstance => Endless({ n: n + 1 }),
        output: ({ n }) => text(`e/${n}`),
      },
      () => {},
    )
    const Tree = task(
      'PlanTree',
      {
        params: { n: z.number() },
        requires: ({ n }): TaskInstance[] => [Tree({ n: 2 * n }), Tree({ n: 2 * n + 1 })],
        output: ({ n }) => text(`tree/${n}`),
      },
      () => {},
    )
    const planned = (root: TaskInstance) => {
      const { storage } = countingStorage([])
      const markers = { read: async (ids: string[]) => ids.map(() => undefined) }
      return planTaskGraph('p', root, makePlanningDefinitions({ storage, markers }), 0, {
        maxTasks: 1_000,
        maxDepth: 100,
      })
    }
    await assert.rejects(
      planned(Endless({ n: 0 })),
      /more than 100 tasks below each other: PlanEndless\(n=0\) → PlanEndless\(n=1\) → .* more … → .* → PlanEndless\(n=99\)/,
    )
    await assert.rejects(
      planned(Tree({ n: 1 })),
      /more than 1000 tasks: PlanTree\(n=1\) → PlanTree\(n=3\) → /,
    )
  })

  it('asks for completeness once per level', async () => {
    const { asked, planned } = plan(Wide(), ['leaf/7'])
    const { tasks, header } = await planned
    assert.deepEqual(
      asked.map((paths) => paths.length),
      [1, 100],
    )
    assert.equal(tasks.length, 101)
    assert.equal(header.ready.length, 99)
  })

  it('lets one bulk question of a kind of target answer for all', async () => {
    let questions = 0
    class Row implements Target {
      readonly uri: string
      constructor(key: number) {
        this.uri = `row:${key}`
      }
      async exists(): Promise<boolean> {
        throw new Error('asked alone')
      }
      async existsMany(targets: readonly Target[]): Promise<boolean[]> {
        questions++
        return targets.map(({ uri }) => uri === 'row:3')
      }
    }
    const Insert = task('PlanRow', { params: { n: z.number() }, output: ({ n }) => new Row(n) }, () => {})
    const All = task('PlanRows', { requires: () => [1, 2, 3].map((n) => Insert({ n })) }, () => {})
    const { tasks } = await plan(All()).planned
    assert.equal(questions, 1)
    assert.deepEqual(
      tasks.map((each) => each.complete ?? false),
      [false, false, false, true],
    )
  })

  it('takes an exception of requires, output or exists for the failure of that task alone', async () => {
    const throws = (message: string) => () => {
      throw new Error(message)
    }
    const Requires = task(
      'PlanRequires',
      { requires: throws('no list') as () => undefined, output: () => text('r') },
      () => {},
    )
    const Output = task('PlanOutput', { output: throws('no path') as () => undefined }, () => {})
    const Exists = task(
      'PlanExists',
      { output: () => ({ uri: 'x:y', exists: async () => throws('no answer')() }) },
      () => {},
    )
    const AtOnce = task(
      'PlanAtOnce',
      { output: () => ({ uri: 'x:z', exists: throws('not even a promise') as () => Promise<boolean> }) },
      () => {},
    )
    const Later = task(
      'PlanLater',
      { requires: (async () => Leaf({ n: 1 })) as never, output: () => text('l') },
      () => {},
    )
    const Wrong = task('PlanWrong', { requires: () => [3 as never], output: () => text('w') }, () => {})
    const All = task(
      'PlanAll',
      { requires: () => [Requires(), Output(), Exists(), AtOnce(), Later(), Wrong(), Leaf({ n: 1 })] },
      () => {},
    )
    const { tasks, header } = await plan(All()).planned
    assert.deepEqual(
      tasks.map((each) => each.failure?.message),
      [
        undefined,
        'requires threw: no list',
        'output threw: no path',
        'exists threw: no answer',
        'exists threw: not even a promise',
        'requires threw: TypeError: requires returned a Promise; it takes tasks such as Fetch({ date })',
        'requires threw: TypeError: requires returned 3; it takes tasks such as Fetch({ date })',
        undefined,
      ],
    )
    assert.deepEqual(header.ready, [1, 2, 3, 4, 5, 6, 7])
  })

  it('plans a task once, however many require it', async () => {
    const Left = task('PlanLeft', { requires: () => Leaf({ n: 1 }), output: () => text('left') }, () => {})
    const Right = task('PlanRight', { requires: () => Leaf({ n: 1 }), output: () => text('right') }, () => {})
    const Top = task(
      'PlanTop',
      { requires: () => ({ left: Left(), right: Right() }), output: () => text('top') },
      () => {},
    )
    const { tasks } = await plan(Top()).planned
    assert.deepEqual(
      tasks.map((each) => each.family),
      ['PlanTop', 'PlanLeft', 'PlanRight', 'PlanLeaf'],
    )
    assert.deepEqual(tasks[0]?.requires, { left: 1, right: 2 })
  })
})
