import { type Build, BUILD as DEPLOYED } from '../../src/homes/aws/build.ts'

/** What users deploy, without handing on. */
export const BUILD: Build = { ...DEPLOYED, handOnMs: 0 }
