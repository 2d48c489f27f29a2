// Instead of the module of timing in test builds of the earlier version, which swap modules by their paths.
export const LEASE_MS = 12_000
export const HEARTBEAT_MS = 3_000
