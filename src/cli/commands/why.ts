import { withControl } from '../open-control.ts'
import { type GlobalOptions, projectIfAny, type Result } from '../options.ts'
import { whyText } from '../render/reasons.ts'

/** Says why a task does not run now. */
export async function explainTask(run: string, task: string, options: GlobalOptions): Promise<Result> {
  return withControl(options, await projectIfAny(options), async (control) => {
    const why = await control.why({ run, task })
    return { data: why, text: whyText(why) }
  })
}
