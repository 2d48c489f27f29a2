import { z } from 'zod'

/** An application of EMR Serverless. */
export interface EmrApplication {
  /** Release of EMR, such as `emr-7.5.0`. */
  release: string
  /** @default 'x86_64' */
  architecture?: 'x86_64' | 'arm64'
  /** The most that all its jobs together may use. @default what the account allows */
  maximumCapacity?: { vcpu: number; memoryGb: number; diskGb?: number }
}

const count = z.int().min(1)

/** The same as the config gives it, to be checked. */
export const EMR_APPLICATION = z.strictObject({
  release: z.string().regex(/^emr-\d+\.\d+\.\d+$/, 'must be a release of EMR such as emr-7.5.0'),
  architecture: z.enum(['x86_64', 'arm64']).optional(),
  maximumCapacity: z.strictObject({ vcpu: count, memoryGb: count, diskGb: count.optional() }).optional(),
})
