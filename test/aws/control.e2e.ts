import '../../src/project/resolve-self.ts'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Control } from '../../src/control/control.ts'
import { findDeployedEnvironment } from '../../src/define/deployed-environment.ts'
import { openDeployedControl } from '../../src/homes/remote/open-control.ts'
import { loadProject } from '../../src/project/load-config.ts'
import { controlSuite } from '../control/control.suite.ts'
import { invoke, projectFolder, sluice } from './deployed.ts'

// The same suite that the local control keeps to, over signed requests to the API of a deployment.

const CONFIG = 'control.config.ts'
const stop = new AbortController()
let control: Control
let ticking: Promise<void>

before(async () => {
  const options = ['--architecture', 'x86_64', '--yes', '--config', CONFIG]
  const ended = await sluice(['deploy', '--env', 'control', ...options])
  assert.equal(ended.code, 0, ended.stderr)
  const project = await loadProject(join(projectFolder, CONFIG))
  control = await openDeployedControl(project, findDeployedEnvironment(project, 'control'))
  // Their first runs would be the latest ones, whenever the schedules fire.
  for (const pipeline of ['control-days', 'control-import']) await control.pause({ pipeline })
  ticking = tickUntil(stop.signal)
})

after(async () => {
  stop.abort()
  await ticking
})

/** What is due by time need not wait for its minute. */
async function tickUntil(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await invoke('tick', {}, 'sluice-control')
    await sleep(2_000, undefined, { signal }).catch(() => {})
  }
}

controlSuite('of a deployment, over signed requests', async () => control, {
  plansLater: true,
  keepsAll: true,
  repeatsLines: true,
})
