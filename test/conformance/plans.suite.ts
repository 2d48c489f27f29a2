import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Plan, PlannedTask } from '../../src/core/plan.ts'
import type { Make, SuiteOptions } from './adapters.ts'

const planOf = (name: string, size: number): Plan => ({
  header: { name, root: 0, plannedAt: 1, size, ready: [0] },
  tasks: Array.from({ length: size }, (_, number) => ({ number, id: `${name}-${number}` }) as PlannedTask),
})

/** What every keeper of plans promises. */
export function plansSuite(name: string, make: Make<'plans'>, options: SuiteOptions = {}): void {
  describe(`${name}: plans`, options, () => {
    it('gives tasks by number, in the order asked for', async (test) => {
      const { plans, other = { plans } } = await make(test)
      await plans.save('r-1', planOf('a', 1_234))
      const tasks = await other.plans.tasks('r-1', [1_233, 0, 500])
      assert.deepEqual(
        tasks.map((task) => task.id),
        ['a-1233', 'a-0', 'a-500'],
      )
      assert.equal((await other.plans.header('r-1'))?.size, 1_234)
    })

    it('keeps the first plan of a run', async (test) => {
      const { plans, other = { plans } } = await make(test)
      await plans.save('r-1', planOf('first', 3))
      await other.plans.save('r-1', planOf('second', 5))
      assert.equal((await other.plans.header('r-1'))?.name, 'first')
      assert.equal((await other.plans.tasks('r-1', [2]))[0]?.id, 'first-2')
    })

    it('adds tasks from a number on, once, and forgets all of a run', async (test) => {
      const { plans, other = { plans } } = await make(test)
      await plans.save('r-1', planOf('a', 3))
      await plans.save('r-1~0.1', planOf('kept beside', 1))
      await plans.save('r-10', planOf('other', 1))
      const more = (name: string) =>
        planOf(name, 150).tasks.map((task) => ({ ...task, number: task.number + 100 }))
      await plans.extend('r-1', 100, more('first'))
      await other.plans.extend('r-1', 100, more('second'))
      const tasks = await other.plans.tasks('r-1', [0, 100, 249])
      assert.deepEqual(
        tasks.map(({ id }) => id),
        ['a-0', 'first-0', 'first-149'],
      )
      await plans.remove('r-1')
      assert.equal(await plans.header('r-1'), undefined)
      assert.equal(await plans.header('r-1~0.1'), undefined)
      await assert.rejects(plans.tasks('r-1', [100]), /no task 100/)
      assert.equal((await plans.header('r-10'))?.name, 'other')
    })

    it('knows nothing of other runs, and refuses unknown numbers', async (test) => {
      const { plans } = await make(test)
      await plans.save('r-1', planOf('a', 2))
      assert.equal(await plans.header('r-2'), undefined)
      await assert.rejects(plans.tasks('r-1', [2]), /no task 2/)
    })
  })
}
