/** Exit codes of the command; a contract. */
export const EXIT = {
  done: 0,
  /** A task or run failed. */
  failed: 1,
  /** Wrong use. */
  usage: 2,
  /** Sluice or its surroundings failed. */
  system: 3,
  /** Waiting: the same command goes on. */
  waiting: 4,
  /** Killed by a second Ctrl-C: 128 + SIGINT, as shells count. */
  killed: 130,
} as const
