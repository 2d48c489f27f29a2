/** How many messages the pool takes at once, and the bare function as well. */
export const CONCURRENCY = 8
