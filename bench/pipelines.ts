import { appendFileSync } from 'node:fs'
import { pipeline, type TaskInstance, task, text } from 'sluice'
import { z } from 'zod'
import { type Shape, sinksOf, upstreamsOf } from './shapes.ts'

const shape = z.enum(['wide', 'layered', 'chain', 'diamond'])
const size = z.int()

/** One task of a shape; it touches a file. */
export const Touch = task(
  'Touch',
  {
    params: { shape, size, number: z.int() },
    requires: ({ shape, size, number }): TaskInstance<unknown>[] =>
      upstreamsOf(shape as Shape, size, number).map((each) => Touch({ shape, size, number: each })),
    output: ({ shape, size, number }) => text(`${shape}/${size}/${number}`),
  },
  ({ output }) => output.write(''),
)

/** A whole shape. */
export const Whole = task(
  'Whole',
  {
    params: { shape, size },
    requires: ({ shape, size }) => sinksOf(shape, size).map((number) => Touch({ shape, size, number })),
    output: ({ shape, size }) => text(`${shape}/${size}/root`),
  },
  ({ output }) => output.write(''),
)

export const shapes = pipeline('shapes', Whole)

/** The same in a process of its own. */
export const TouchFresh = task(
  'TouchFresh',
  { params: { number: z.int() }, output: ({ number }) => text(`fresh/${number}`), fresh: 'attempt' },
  ({ output }) => output.write(''),
)

export const WholeFresh = task(
  'WholeFresh',
  {
    params: { size },
    requires: ({ size }) => sinksOf('wide', size).map((number) => TouchFresh({ number })),
  },
  () => {},
)

export const fresh = pipeline('fresh', WholeFresh)

/** Notes in a file that its body ran. */
export const Noted = task(
  'Noted',
  { params: { number: z.int() }, output: ({ number }) => text(`noted/${number}`) },
  async ({ params, output }) => {
    appendFileSync(process.env.BENCH_NOTES ?? 'notes', `${params.number}\n`)
    await output.write('')
  },
)

/** So many tasks from a number on. */
export const Part = task(
  'Part',
  {
    params: { from: z.int(), size },
    requires: ({ from, size }) => sinksOf('wide', size).map((number) => Noted({ number: from + number })),
  },
  () => {},
)

export const part = pipeline('part', Part)
