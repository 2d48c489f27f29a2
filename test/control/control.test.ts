import type { TestContext } from 'node:test'
import { fileSecrets } from '../../src/adapters/secrets/file-secrets.ts'
import type { Control } from '../../src/control/control.ts'
import { localControl } from '../../src/control/local-control.ts'
import { runDev } from '../../src/control/run-dev.ts'
import { secretVariable } from '../../src/define/secret.ts'
import { registeredTasks } from '../../src/define/task.ts'
import { openHome } from '../../src/homes/local/home.ts'
import { noProject, type Project } from '../../src/project/load-config.ts'
import { temporaryFolder } from '../support/folders.ts'
import { controlSuite } from './control.suite.ts'
import { PIPELINES } from './pipelines.ts'

/** A state of its own, whose bodies run in this process. */
function openState(test: TestContext) {
  const folder = temporaryFolder(test)
  const project: Project = {
    ...noProject(folder),
    pipelines: new Map(PIPELINES.map((each) => [each.name, each])),
    tasks: new Map(registeredTasks().map((each) => [each.family, each])),
  }
  const home = openHome({ stateFolder: `${folder}/state`, project, inline: 'inline' })
  const control = (isHosted: boolean): Control =>
    localControl({
      state: { open: async () => home, existing: async () => home, withRuns: async () => home },
      project,
      isHosted,
      secrets: fileSecrets(`${folder}/secrets.json`, secretVariable),
      close: home.close,
    })
  return { project, home, control }
}

controlSuite('following runs the bodies', async (test) => {
  const control = openState(test).control(false)
  test.after(() => control.close())
  return control
})

controlSuite('an engine works by itself', async (test) => {
  const { home, project, control } = openState(test)
  const stop = new AbortController()
  const engine = runDev(
    home,
    { ...project, pipelines: new Map() },
    { concurrency: 4, signal: stop.signal, say() {} },
  )
  test.after(async () => {
    stop.abort()
    await engine
    await home.close()
  })
  return control(true)
})
