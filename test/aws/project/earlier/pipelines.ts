import { setTimeout as sleep } from 'node:timers/promises'
import { json, pipeline, task, text } from 'sluice'
import { z } from 'zod'

/** Longer than the update of a stack takes. */
const UPDATE_MS = 90_000
const of = z.string()

const First = task(
  'First',
  { params: { of }, output: ({ of }) => json<number>(`earlier/${of}/first.json`) },
  async ({ output, log }) => {
    log.info('the first speaks')
    await output.write(1)
  },
)

/** Runs while the stack is updated. */
const Slow = task(
  'Slow',
  {
    params: { of },
    requires: ({ of }) => First({ of }),
    output: ({ of }) => json<number>(`earlier/${of}/slow.json`),
  },
  async ({ input, output, attempt, signal }) => {
    if (attempt === 1) await sleep(UPDATE_MS, undefined, { signal })
    await output.write(1 + (await input.read()))
  },
)

const Part = task(
  'Part',
  { params: { of, n: z.int() }, output: ({ of, n }) => json<number>(`earlier/${of}/part-${n}.json`) },
  async ({ params, output, attempt, signal }) => {
    // The last one runs while the stack is updated, so that the task that needs it goes on after that.
    if (params.n === 2 && attempt === 1) await sleep(UPDATE_MS, undefined, { signal })
    await output.write(params.n)
  },
)

const Grow = task(
  'Grow',
  {
    params: { of },
    output: ({ of }) => json<{ checkpoint: unknown; parts: number[] }>(`earlier/${of}/grow.json`),
  },
  async ({ params, checkpoint, need, output }) => {
    const parts = await need(
      [0, 1, 2].map((n) => Part({ of: params.of, n })),
      { checkpoint: 'half' },
    )
    await output.write({ checkpoint, parts: await Promise.all(parts.map((part) => part.read())) })
  },
)

/** Fails under the earlier version; its next attempt is due after the update. */
const Flaky = task(
  'Flaky',
  {
    params: { of },
    output: ({ of }) => json<unknown>(`earlier/${of}/flaky.json`),
    retry: { attempts: 2, delaySeconds: 60, backoff: 'fixed' },
  },
  async ({ attempt, checkpoint, saveCheckpoint, output }) => {
    if (attempt === 1) {
      saveCheckpoint(7)
      throw new Error('the wire is cut')
    }
    await output.write(checkpoint)
  },
)

const Spend = task(
  'Spend',
  {
    params: { of, late: z.boolean() },
    requires: ({ of, late }) => (late ? [Slow({ of })] : []),
    output: ({ of, late }) => text(`earlier/${of}/spend-${late}.txt`),
    budgets: { calls: 3 },
  },
  async ({ budgets, output }) => {
    await budgets.calls.spend(2)
    await output.write('spent\n')
  },
)

const All = task(
  'All',
  {
    params: { of },
    requires: ({ of }) => ({
      slow: Slow({ of }),
      grow: Grow({ of }),
      flaky: Flaky({ of }),
      spent: [Spend({ of, late: false }), Spend({ of, late: true })],
    }),
    output: ({ of }) => json<unknown>(`earlier/${of}/all.json`),
  },
  async ({ input, output }) =>
    output.write({
      slow: await input.slow.read(),
      grow: await input.grow.read(),
      flaky: await input.flaky.read(),
    }),
)
export const all = pipeline('all', All)

const Broken = task(
  'Broken',
  {
    params: { of },
    requires: ({ of }) => First({ of }),
    retry: { attempts: 1 },
    output: ({ of }) => text(`earlier/${of}/broken.txt`),
  },
  async () => {
    throw new Error('it never works')
  },
)
export const broken = pipeline('broken', Broken)
