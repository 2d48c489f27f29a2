import { z } from 'zod'
import { daily, day, external, type Pipeline, pipeline, task, text } from '../../src/index.ts'

/** Pipelines that every implementation of control is tried with. Each has parameters, so that tests do not meet. */

const Part = task(
  'ControlPart',
  { params: { name: z.string(), part: z.int() }, output: ({ name, part }) => text(`${name}/${part}.txt`) },
  async ({ output, params, log }) => {
    log.info(`writes part ${params.part}`)
    await output.write(String(params.part))
  },
)

const Whole = task(
  'ControlWhole',
  {
    params: { name: z.string() },
    requires: ({ name }) => [1, 2, 3].map((part) => Part({ name, part })),
    output: ({ name }) => text(`${name}/whole.txt`),
  },
  async ({ output }) => output.write('whole'),
)

const Failing = task(
  'ControlFailing',
  {
    params: { name: z.string() },
    output: ({ name }) => text(`${name}/failing.txt`),
    retry: { attempts: 2, delaySeconds: 0.01 },
  },
  async ({ log }) => {
    log.warn('is about to fail')
    throw new Error('as it has to')
  },
)

const Below = task(
  'ControlBelow',
  {
    params: { name: z.string() },
    requires: ({ name }) => Failing({ name }),
    output: ({ name }) => text(`${name}/below.txt`),
  },
  async ({ output }) => output.write('below'),
)

const Endless = task(
  'ControlEndless',
  { params: { name: z.string() }, output: ({ name }) => text(`${name}/endless.txt`) },
  ({ signal }) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
)

const Mixed = task(
  'ControlMixed',
  {
    params: { name: z.string() },
    requires: ({ name }) => [Failing({ name }), Endless({ name })],
    output: ({ name }) => text(`${name}/mixed.txt`),
  },
  async ({ output }) => output.write('mixed'),
)

const Delivery = external('ControlDelivery', {
  params: { name: z.string() },
  output: ({ name }) => text(`${name}/delivery.txt`),
  pollSeconds: 60,
})

const Import = task(
  'ControlImport',
  {
    params: { name: z.string() },
    requires: ({ name }) => Delivery({ name }),
    output: ({ name }) => text(`${name}/import.txt`),
  },
  async ({ output }) => output.write('imported'),
)

const Day = task(
  'ControlDay',
  {
    params: { name: z.string(), date: day() },
    output: ({ name, date }) => text(`${name}/${date}.txt`),
  },
  async ({ output, params }) => output.write(params.date),
)

export const whole = pipeline('control-whole', Whole)
export const below = pipeline('control-below', Below)
export const mixed = pipeline('control-mixed', Mixed)
/** All of its intervals are one request. */
export const imported = pipeline('control-import', Import, {
  schedule: daily({ timeZone: 'UTC' }),
  params: () => ({ name: 'scheduled' }),
})
export const days = pipeline('control-days', Day, {
  schedule: daily({ timeZone: 'UTC' }),
  params: ({ date }) => ({ name: 'scheduled', date }),
})

export const PIPELINES: Pipeline[] = [whole, below, mixed, imported, days]
