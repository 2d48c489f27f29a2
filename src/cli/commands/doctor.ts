import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs'
import { findStartProblem } from '../../control/requests.ts'
import { readErrorMessage } from '../../core/errors.ts'
import { listBuildSecrets } from '../../define/image.ts'
import type { Pipeline } from '../../define/pipeline.ts'
import { nameContainerEngine, openLocalHome } from '../../homes/local/home.ts'
import { openSecretsOfState } from '../../homes/local/open-control.ts'
import { describeBrokenModule } from '../../project/check-definitions.ts'
import { getFamilyImage } from '../../project/check-images.ts'
import { loadProject, type Project, requireConfig } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'

interface Check {
  what: string
  ok: boolean
  found: string
}

/** Looks for everything that can be wrong with a project on this machine; exits 1 if something is. */
export async function diagnoseProject(options: GlobalOptions): Promise<Result> {
  const checks: Check[] = [{ what: 'Node', ok: true, found: process.version }]
  const check = async (what: string, look: () => Promise<string> | string) => {
    try {
      checks.push({ what, ok: true, found: await look() })
    } catch (error) {
      checks.push({ what, ok: false, found: readErrorMessage(error) })
    }
  }
  let project: Project | undefined
  await check('config', async () => {
    project = await loadProject(requireConfig(process.cwd(), options.config))
    return `${project.path}: ${project.pipelines.size} pipelines, ${project.tasks.size} tasks`
  })
  for (const each of [...(project?.broken ?? []), ...(project?.doubtful ?? [])])
    checks.push({ what: 'module', ok: false, found: describeBrokenModule(each) })
  for (const pipeline of project?.pipelines.values() ?? [])
    if (pipeline.schedule !== undefined)
      await check(`schedule of ${pipeline.name}`, () => startable(pipeline))
  const storage = options.data ?? project?.storage
  if (storage !== undefined) await check('storage', () => writable(storage))
  if (project !== undefined)
    await check('state', async () => {
      await openLocalHome({ stateFolder: options.state }).close()
      return options.state
    })
  const containers = [...(project?.tasks.values() ?? [])].filter(({ container }) => container !== undefined)
  if (containers.length > 0)
    await check('containers', async () => `${await nameContainerEngine()}, ${containers.length} families`)
  await check('secrets', () => secretsFound(options, project))
  const lines = checks.map(({ ok, what, found }) => `${ok ? 'ok   ' : 'WRONG'} ${what}: ${found}`)
  const exitCode = checks.every((each) => each.ok) ? EXIT.done : EXIT.failed
  return { data: checks, text: lines.join('\n'), exitCode }
}

function startable(pipeline: Pipeline): string {
  const problem = findStartProblem(pipeline, Date.now())
  if (problem !== undefined) throw new Error(`its runs cannot start: ${problem}`)
  return `${pipeline.schedule?.cron}`
}

const LOW_BYTES = 200 * 1024 * 1024

function writable(folder: string): string {
  mkdirSync(folder, { recursive: true })
  accessSync(folder, constants.W_OK)
  const { bavail, bsize } = statfsSync(folder)
  const freeMb = Math.round((bavail * bsize) / 1024 / 1024)
  if (bavail * bsize < LOW_BYTES) throw new Error(`${folder} has only ${freeMb} MB free`)
  return `${folder}, ${freeMb} MB free`
}

async function secretsFound(options: GlobalOptions, project: Project | undefined): Promise<string> {
  const secrets = openSecretsOfState(options.state)
  const wrong = secrets.problem()
  if (wrong !== undefined) throw new Error(wrong)
  const wanted = [...(project?.tasks.values() ?? [])].flatMap((definition) => [
    ...Object.values(definition.policy.secrets),
    ...listBuildSecrets(getFamilyImage(definition)),
  ])
  const missing: string[] = []
  for (const name of new Set(wanted)) if ((await secrets.get(name)) === undefined) missing.push(name)
  if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}; set with: sluice secrets set NAME`)
  return `${secrets.names().length} kept, ${new Set(wanted).size} needed`
}
