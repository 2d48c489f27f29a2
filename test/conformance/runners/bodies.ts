import { z } from 'zod'
import { pipeline, secret, task, text } from '../../../src/index.ts'
import { type Place, runSteps, type Step } from './steps.ts'

const params = { steps: z.string(), isInline: z.boolean() }
const stepsOf = (json: string): Step[] => JSON.parse(json)

/** Where a body's text goes: the streams of its process, or the console where that is not its own. */
const printer =
  (isInline: boolean): Place['print'] =>
  (text, to) => {
    if (!isInline) process[to].write(text)
    else if (to === 'stdout') console.log(`${text}`.replace(/\n$/, ''))
    else console.error(`${text}`.replace(/\n$/, ''))
  }

const untilAborted = (signal: AbortSignal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', resolve)
  })

/** Runs the steps; its result is how many there were. */
const Steps = task('RunnersSteps', { params, secrets: { key: secret('key') } }, async (context) => {
  const { params, signal } = context
  const steps = stepsOf(params.steps)
  await runSteps(steps, {
    print: printer(params.isInline),
    write() {},
    stopped: untilAborted(signal),
  })
  return { steps: steps.length }
})

/** The same with two outputs. */
const Writes = task(
  'RunnersWrites',
  { params, output: () => ({ a: text('a.txt'), b: text('b.txt') }) },
  async ({ params, output, signal }) =>
    runSteps(stepsOf(params.steps), {
      print: printer(params.isInline),
      write: (name, content) => output[name].write(content),
      stopped: untilAborted(signal),
    }),
)

/** Tells its progress, keeps a checkpoint, then needs another task. */
const Yields = task(
  'RunnersYields',
  { params, secrets: { key: secret('key') } },
  async ({ progress, saveCheckpoint, need, params, secrets }) => {
    progress(1, 2, `with ${secrets.key}`)
    saveCheckpoint({ at: 7 })
    await need(Steps({ ...params, steps: '[]' }))
  },
)

/** Every family of the suite. */
export const bodies = pipeline(
  'runners-bodies',
  task('RunnersAll', { params, requires: (given) => [Steps(given), Writes(given), Yields(given)] }, () => {}),
)
