import type { TestContext } from 'node:test'
import { makeFileSecrets } from '../../src/adapters/secrets/file-secrets.ts'
import type { Control } from '../../src/control/control.ts'
import { makeLocalControl } from '../../src/control/local-control.ts'
import { runDevEngine } from '../../src/control/run-dev.ts'
import type { Pipeline } from '../../src/define/pipeline.ts'
import { makeSecretVariableName } from '../../src/define/secret.ts'
import { listRegisteredTasks } from '../../src/define/task.ts'
import { openLocalHome } from '../../src/homes/local/home.ts'
import { makeEmptyProject, type Project } from '../../src/project/load-config.ts'
import { temporaryFolder } from '../support/folders.ts'

/** A control over a state of its own; following runs the bodies, in this process. */
export function openControl(test: TestContext, pipelines: Pipeline[]): Control {
  const { home, control } = openState(test, pipelines)
  test.after(() => home.close())
  return control(false)
}

/** A control over a state of its own, on which an engine works by itself as in `sluice dev`. */
export function openHostedControl(test: TestContext, pipelines: Pipeline[]): Control {
  const { home, project, control } = openState(test, pipelines)
  const stop = new AbortController()
  const unscheduled = { ...project, pipelines: new Map() }
  const engine = runDevEngine(home, unscheduled, { concurrency: 4, signal: stop.signal, say() {} })
  test.after(async () => {
    stop.abort()
    await engine
    await home.close()
  })
  return control(true)
}

/** A state of its own, with what makes controls over it. */
export function openState(test: TestContext, pipelines: Pipeline[]) {
  const folder = temporaryFolder(test)
  const project: Project = {
    ...makeEmptyProject(folder),
    pipelines: new Map(pipelines.map((each) => [each.name, each])),
    tasks: new Map(listRegisteredTasks().map(({ definition }) => [definition.family, definition])),
  }
  const home = openLocalHome({ stateFolder: `${folder}/state`, project, inline: true })
  const control = (isHosted: boolean, user = 'ada'): Control =>
    makeLocalControl({
      state: { open: async () => home, existing: async () => home, withRuns: async () => home },
      project,
      findActor: () => ({ kind: 'user', name: user }),
      isHosted,
      secrets: makeFileSecrets(`${folder}/secrets.json`, makeSecretVariableName),
      close: home.close,
    })
  return { project, home, control }
}
