import { z } from 'zod'

/** The family of runs that were opened for selected tasks of another run. */
export const SELECTION_FAMILY = 'selection'

/** The parameters of such a run. */
export const SelectionParams = z.strictObject({ run: z.string(), where: z.string() })
/** The parameters of such a run. */
export type SelectionParams = z.output<typeof SelectionParams>
