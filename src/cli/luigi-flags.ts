import { type Command, InvalidArgumentError } from 'commander'
import type { RunOptions } from './follow.ts'
import { type GlobalOptions, parsePositiveInteger } from './options.ts'
import { resolveFromStart } from './place.ts'

/** Flags of `sluice luigi` that are not Luigi's own. */
export interface LuigiFlags extends GlobalOptions, RunOptions {
  module?: string
  python: string
  image?: string
  mount?: { [path: string]: string }
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
    .option('--image <image>', 'an image that has the tasks, their Python and Luigi')
    .option(
      '--mount <folder:path>',
      'a folder of this machine in the containers; may be given again',
      addMount,
    )
    .option('--luigi-config <file>', 'a config of Luigi, instead of LUIGI_CONFIG_PATH')
    .option('--jobs <n>', 'asks so many tasks at once whether they are complete', parsePositiveInteger)
    .option(
      '--check-seconds <n>',
      'so long complete() and requires() of a task may take (default: 600)',
      parsePositiveInteger,
    )
    .option('--plan', 'shows what would run, and why')
    .allowUnknownOption()

/** `FOLDER:PATH`, as Docker takes it; the last colon parts the two. */
function addMount(text: string, before: { [path: string]: string } = {}): { [path: string]: string } {
  const at = text.lastIndexOf(':')
  const [folder, path] = [text.slice(0, at), text.slice(at + 1)]
  if (at <= 0 || !path.startsWith('/'))
    throw new InvalidArgumentError('It takes FOLDER:PATH, such as data:/app/data.')
  return { ...before, [path]: resolveFromStart(folder) }
}
