// Instead of src/homes/aws/timing.ts in test builds.
export const LEASE_MS = 12_000
export const HEARTBEAT_MS = 3_000
