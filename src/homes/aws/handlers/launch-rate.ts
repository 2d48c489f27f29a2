import type { GovernorLimits } from '../../../core/governor.ts'

/**
 * Fargate takes 20 calls of `RunTask` a second from one account, also at once, and starts 20 tasks a second
 * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html); what else the account starts gets the rest of both.
 */
export const LAUNCH_RATE: GovernorLimits = { most: 15, least: 0.5, burst: 15 }
