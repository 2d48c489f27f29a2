import type { Fault } from './fault.ts'
import { DECIDING } from './faults/deciding.ts'
import { DYNAMODB } from './faults/dynamodb.ts'
import { EMR_STEPS } from './faults/emr-steps.ts'
import { EXECUTING } from './faults/executing.ts'
import { HANDING_ON } from './faults/handing-on.ts'
import { LAUNCHING } from './faults/launching.ts'
import { LIMITS } from './faults/limits.ts'
import { LOOKING } from './faults/looking.ts'
import { PEOPLE } from './faults/people.ts'
import { SQLITE } from './faults/sqlite.ts'

/** Every planted fault. A name says what the product then does wrong. */
export const FAULTS: readonly Fault[] = [
  ...DECIDING,
  ...EXECUTING,
  ...HANDING_ON,
  ...LIMITS,
  ...EMR_STEPS,
  ...LAUNCHING,
  ...LOOKING,
  ...PEOPLE,
  ...SQLITE,
  ...DYNAMODB,
]
