import type { Build } from '../../../src/homes/aws/build.ts'
import { BUILD as TEST } from './test.ts'

/** Other code than that of the tests, which does the same. */
export const BUILD: Build = { ...TEST, leaseMs: TEST.leaseMs + 1 }
