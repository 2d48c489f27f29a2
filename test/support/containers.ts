import { spawnSync } from 'node:child_process'
import { hashState } from '../../src/runners/container/container-labels.ts'
import type { TestProject } from './cli.ts'

/** The image of the tests: a small Debian with Node. */
export const IMAGE = 'localhost/sluice-test-node:24'

/** A test that starts containers takes longer on a busy machine. */
export const LIMIT = { timeout: 600_000 }

/** Calls Docker or Podman, whichever the tests use. */
export const engine = (...args: string[]) =>
  spawnSync(process.env.TEST_ENGINE ?? 'podman', args, { encoding: 'utf8' })

/** Names of the containers of a project's attempts that the engine still has, running or not. */
export const listContainersOf = (project: TestProject): string => {
  const label = `label=sluice.state=${hashState(project.path('.sluice'))}`
  return engine('ps', '--all', '--filter', label, '--format', '{{.Names}}').stdout.trim()
}

/** The files of a project of containers; in its definitions `sh` makes a command of a script, and `n` is a number. */
export const makeContainerFiles = (definitions: string): { [path: string]: string } => ({
  'pipelines/all.ts': `
import { build, container, emrServerless, file, folder, json, pipeline, secret, task, text } from 'sluice'
import { z } from 'zod'
const image = '${IMAGE}'
const sh = (script: string) => ['sh', '-c', script]
const n = z.number()
${definitions}
`,
})
