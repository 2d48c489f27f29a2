import { BUILD as DEPLOYED } from '../../../src/homes/aws/build.ts'

/** What users deploy, for tests that load this machine so much that short leases would end. */
export const BUILD = DEPLOYED
