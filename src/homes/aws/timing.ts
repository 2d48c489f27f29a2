/** How long a lease lasts: some lost heartbeats, because each is a write. */
export const LEASE_MS = 60_000
export const HEARTBEAT_MS = 15_000
