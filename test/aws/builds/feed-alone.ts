import type { Build } from '../../../src/homes/aws/build.ts'
import { BUILD as TEST } from './test.ts'

/** Workers hand nothing on: all that becomes ready is found by the stream. */
export const BUILD: Build = { ...TEST, handOnMs: 0 }
