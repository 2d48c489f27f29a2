import type { GovernorLimits } from '../../../core/governor.ts'
import { EMR_SERVERLESS, EMR_STEP } from '../../../core/records/launch.ts'

/**
 * Fargate takes 20 calls of `RunTask` a second from one account, also at once, and starts 20 tasks a second
 * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html); what else the account starts gets the rest of both.
 */
export const LAUNCH_RATE: GovernorLimits = { most: 15, least: 0.5, burst: 15 }

/** What EMR Serverless takes of `StartJobRun` differs between accounts; the governor halves this when it is told of too many. */
export const JOB_RUN_RATE: GovernorLimits = { bucket: EMR_SERVERLESS, most: 5, least: 0.1, burst: 10 }

/** Two requests for each step; what EMR takes of them differs between accounts, and the governor halves this as above. */
export const STEP_RATE: GovernorLimits = { bucket: EMR_STEP, most: 2, least: 0.1, burst: 5 }
