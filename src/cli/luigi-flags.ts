import type { Command } from 'commander'
import type { RunOptions } from './follow.ts'
import { type GlobalOptions, parsePositiveInteger } from './options.ts'

/** Flags of `sluice luigi` that are not Luigi's own. */
export interface LuigiFlags extends GlobalOptions, RunOptions {
  module?: string
  python: string
  luigiConfig?: string
  jobs?: number
  checkSeconds?: number
  plan?: true
  /** `--concurrency` was given, so that `--workers` of Luigi does not count. */
  isConcurrencyGiven: boolean
}

/** Adds the flags of `sluice luigi` to its command; all others are flags of Luigi. */
export const addLuigiFlags = (command: Command): Command =>
  command
    .usage('--module MODULE TASK [--PARAM VALUE …] [options]')
    .option('--module <module>', 'the Python module of the tasks, as for the command luigi')
    .option('--python <program>', 'the Python that has the tasks and Luigi', 'python3')
    .option('--luigi-config <file>', 'a config of Luigi, instead of LUIGI_CONFIG_PATH')
    .option('--jobs <n>', 'asks so many tasks at once whether they are complete', parsePositiveInteger)
    .option(
      '--check-seconds <n>',
      'so long complete() and requires() of a task may take (default: 600)',
      parsePositiveInteger,
    )
    .option('--plan', 'shows what would run, and why')
    .allowUnknownOption()
