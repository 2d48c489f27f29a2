// Instead of replaced/timing.ts where other code is to be deployed.
export const LEASE_MS = 12_001
export const HEARTBEAT_MS = 3_000
