import { openControl } from '../open-control.ts'
import { type GlobalOptions, loadProjectIfAny, type Result } from '../options.ts'
import { renderWhy } from '../render/reasons.ts'
import { explainLuigidTask, LUIGID } from './luigid-status.ts'

/** Says why a task does not run now. */
export async function showTaskReasons(run: string, task: string, options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, await loadProjectIfAny(options))
  if (run === LUIGID) return await explainLuigidTask(control, task)
  const why = await control.why({ run, task })
  return { data: why, text: renderWhy(why) }
}
