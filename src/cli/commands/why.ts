import { openControl } from '../open-control.ts'
import { type GlobalOptions, loadProjectIfAny, type Result } from '../options.ts'
import { renderWhy } from '../render/reasons.ts'

/** Says why a task does not run now. */
export async function showTaskReasons(run: string, task: string, options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, await loadProjectIfAny(options))
  const why = await control.why({ run, task })
  return { data: why, text: renderWhy(why) }
}
