import { z } from 'zod'
import { countField, runName } from './fields.ts'
import { Counts } from './runs.ts'

/** A field for a selection. */
export const where = z
  .string()
  .min(1)
  .describe(
    'A selection of tasks, such as `status=failed family=Match* date=2026-05-18 downstream-of=Download`: terms of a name, a sign and values',
  )

/** Asks which tasks of a run a selection has. */
export const SelectionQuery = z.strictObject({ run: runName, where })

/** What a selection has in a run, and how many of its tasks each act would affect now. */
export const SelectionView = z
  .object({
    run: z.string().describe('The id of the run'),
    selected: countField('How many tasks are selected'),
    all: countField('Of how many'),
    counts: Counts.describe('The selected tasks by status'),
    families: z
      .array(z.object({ family: z.string(), tasks: countField('How many of it are selected') }))
      .describe('Those with the most selected tasks first, 100 at most'),
    moreFamilies: countField('How many families more have selected tasks'),
    affected: z
      .object({
        retry: countField(
          'Tasks that a retry would run: failed, cancelled, or not run because of an upstream',
        ),
        cancel: countField('Tasks that a cancellation would stop: they have not ended'),
        mark: countField(
          'Tasks that may be marked: in an open run those that are queued or wait, else those that have not succeeded',
        ),
      })
      .describe('How many of them each act would affect now'),
  })
  .describe('What a selection has in a run')

/** Asks for an act on the tasks of a selection. */
export const SelectionAct = z.strictObject({
  run: runName,
  where,
  atMost: countField('Refused, if more tasks would be affected by now: the count that was shown').optional(),
})

/** How far an act on many tasks has come. */
export const TasksActed = z
  .object({
    run: z.string().describe('The id of the run'),
    affected: countField('How many tasks this request has affected'),
    left: countField('How many are left: send the same again'),
  })
  .describe('How far an act on many tasks has come')
