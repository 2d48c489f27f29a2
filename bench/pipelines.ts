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
