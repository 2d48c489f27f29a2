/** How long a lease lasts: some lost heartbeats, because each is a write. */
export const LEASE_MS = 60_000
/** How often a lease is extended. */
export const HEARTBEAT_MS = 15_000
