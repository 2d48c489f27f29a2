import { insignificant, pipeline, type TaskInstance, task, text } from 'sluice'
import { z } from 'zod'
import { type Shape, sinksOf, upstreamsOf } from '../shapes.ts'

/** `of` tells one run from another. */
const params = {
  of: z.string(),
  shape: insignificant(z.enum(['wide', 'chain'])),
  size: insignificant(z.int()),
}

/** One task of a shape; it writes an empty object. */
const Touch = task(
  'Touch',
  {
    params: { ...params, number: z.int() },
    requires: ({ of, shape, size, number }): TaskInstance<unknown>[] =>
      upstreamsOf(shape as Shape, size, number).map((each) => Touch({ of, shape, size, number: each })),
    output: ({ of, number }) => text(`${of}/${number}`),
  },
  ({ output }) => output.write(''),
)

/** A whole shape. */
const Whole = task(
  'Whole',
  {
    params,
    requires: ({ of, shape, size }) =>
      sinksOf(shape, size).map((number) => Touch({ of, shape, size, number })),
    output: ({ of }) => text(`${of}/root`),
  },
  ({ output }) => output.write(''),
)

export const shapes = pipeline('shapes', Whole)
