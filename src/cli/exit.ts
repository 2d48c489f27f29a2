/** Exit codes of the command; a contract. */
export const EXIT = {
  done: 0,
  /** A task or run failed; or a search found nothing. */
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

/** What each exit code means, for the help; what is before a colon is its short form. */
export const EXIT_MEANINGS: readonly [code: number, meaning: string][] = [
  [EXIT.done, 'done'],
  [
    EXIT.failed,
    'a task or run failed: the summary says which, why and how to go on; or logs --grep or --level found no line',
  ],
  [EXIT.usage, 'wrong use: the message says what is allowed'],
  [EXIT.system, 'Sluice or its surroundings failed: a disk, the state, AWS'],
  [EXIT.waiting, 'waiting: the same command, or sluice dev, goes on'],
  [EXIT.killed, 'killed by a second Ctrl-C'],
]
