/**
 * How every client of AWS tries again: more often than by default, and slower when it is throttled, with back-off and
 * jitter (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). A test build replaces this module
 * by one that is throttled.
 */
export const PATIENT = { maxAttempts: 8, retryMode: 'standard' } as const
