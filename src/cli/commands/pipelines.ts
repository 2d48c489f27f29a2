import { describeBrokenModule } from '../../project/check-definitions.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { renderPipelineTable } from '../render/pipelines.ts'

/** Lists pipelines with their parameters and schedules, and modules that did not load; as data a line for each. */
export async function listPipelines(project: Project, options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, project)
  const { pipelines, broken } = await control.pipelines()
  for (const each of broken) console.error(`warning: ${describeBrokenModule(each)}`)
  const data = [
    ...pipelines.map((each) => ({ pipeline: each.name, ...each })),
    ...broken.map(({ path, message }) => ({ module: path, message })),
  ]
  const exitCode = pipelines.length === 0 && broken.length > 0 ? EXIT.usage : EXIT.done
  return { data, text: renderPipelineTable(pipelines), exitCode }
}
