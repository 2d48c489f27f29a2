import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileSecrets } from '../../adapters/secrets/file-secrets.ts'
import { isProcessGone } from '../../adapters/system/processes.ts'
import { prepareBodyJob, readSecretValues } from '../../body/prepare-job.ts'
import type { Home } from '../../control/home.ts'
import type { PlannedTask } from '../../core/plan.ts'
import type { Logs } from '../../core/ports/looking.ts'
import type { BodyEnd, Job, Runner } from '../../core/ports/working.ts'
import { isS3Uri } from '../../core/s3-uri.ts'
import { makeAttemptEnding } from '../../planning/conclude.ts'
import { listDefiningModules } from '../../project/load-config.ts'
import { hasHadCommands } from '../../runners/command/command-mark.ts'
import { hasHadContainers } from '../../runners/container/container-mark.ts'
import type { HomeOptions } from './home.ts'
import { makeLazyRunner } from './lazy-runner.ts'

const GRACE_MS = 10_000

/** What runners get of the home that they run in. */
export interface RunnerParts {
  logs: Logs
  secrets: FileSecrets
  definitions: Home['definitions']
}

/**
 * Commands run as plain subprocesses, containers by Docker or Podman, bodies in child processes or, with `--inline`, in this one. Each
 * way is loaded with its first attempt.
 */
export function makeLocalRunner(options: HomeOptions, parts: RunnerParts): Runner {
  const state = resolve(options.stateFolder)
  const bodies = makeLazyRunner(() => loadBodyRunner(options, parts))
  const commands = makeLazyRunner(() => loadCommandRunner(options, parts))
  const containers = makeLazyRunner(() => loadContainerRunner(options, parts))
  const all = [bodies, commands, containers]
  const runnerOf = ({ command, container }: PlannedTask) =>
    container !== undefined ? containers : command !== undefined ? commands : bodies
  return {
    run: (job, hooks) => runnerOf(job.task).run(job, hooks),
    extendLease(nonce, leaseMs) {
      for (const runner of all) runner.extendLease(nonce, leaseMs)
    },
    renew: () => bodies.renew?.(),
    async endAbandoned(isOpen) {
      if (commands.isLoaded() || hasHadCommands(state)) await commands.endAbandoned(isOpen)
      if (containers.isLoaded() || hasHadContainers(state)) await containers.endAbandoned(isOpen)
    },
    async close() {
      await Promise.all(all.map((runner) => runner.close()))
    },
  }
}

async function loadCommandRunner(options: HomeOptions, parts: RunnerParts): Promise<Runner> {
  const { makeCommandRunner } = await import('../../runners/command/command-runner.ts')
  const { logs, secrets, definitions } = parts
  return makeCommandRunner({
    state: resolve(options.stateFolder),
    logs,
    secrets: (job) => readSecretValues(job.task.policy.secrets, secrets),
    readYield: makeYieldReader(definitions),
    graceMs: options.graceMs ?? GRACE_MS,
  })
}

async function loadContainerRunner(options: HomeOptions, parts: RunnerParts): Promise<Runner> {
  const { makeContainerRunner } = await import('../../runners/container/container-runner.ts')
  const { prepareContainer } = await import('./prepare-container.ts')
  const { logs, secrets, definitions } = parts
  return makeContainerRunner({
    state: resolve(options.stateFolder),
    logs,
    prepare: ({ task }) => prepareContainer(task, secrets, definitions.surroundings.markers),
    isGone: isProcessGone,
    keepsFailed: options.keep === true,
    renewsImages: options.pull === true,
    readYield: makeYieldReader(definitions),
    graceMs: options.graceMs ?? GRACE_MS,
  })
}

/** Few programs yield; what reads that is loaded with the first. */
const makeYieldReader = (definitions: Home['definitions']) => async (path: string, job: Job) => {
  const { readCommandYield } = await import('../../planning/foreign-yield.ts')
  return readCommandYield(path, job, definitions)
}

async function loadBodyRunner(
  { inline, project, graceMs = GRACE_MS }: HomeOptions,
  parts: RunnerParts,
): Promise<Runner> {
  const { logs, secrets, definitions } = parts
  const { tasks, surroundings, storageFolder } = definitions
  const shared = {
    logs,
    prepare: (job: Job) => prepareBodyJob(job, secrets, surroundings.markers),
    conclude: (end: BodyEnd) => makeAttemptEnding(definitions, end),
  }
  if (inline) {
    const { makeInlineRunner } = await import('../../runners/inline.ts')
    return makeInlineRunner({ tasks, ...surroundings, ...shared })
  }
  const { makeProcessRunner } = await import('../../runners/process/process-runner.ts')
  const { findChildSnapshot } = await import('../../bundling/child-snapshot.ts')
  // A checkout has .ts and the package .js; in a bundle, which has .mjs, it is beside this module.
  const extension = extname(import.meta.url)
  const path = extension === '.mjs' ? './child.mjs' : `../../../worker/child${extension}`
  const entry = fileURLToPath(new URL(path, import.meta.url))
  let snapshot: ReturnType<typeof findChildSnapshot> | undefined
  return makeProcessRunner({
    async entry(fresh) {
      // A client of AWS cannot be loaded from a snapshot, and takes longer than all the rest.
      if (fresh === 'run' || isS3Uri(storageFolder)) return { module: entry }
      snapshot ??= findChildSnapshot(entry)
      const found = await snapshot
      // It may have been removed since.
      return existsSync(found.module) ? found : { module: entry }
    },
    args: [project?.path ?? '', storageFolder, String(process.pid)],
    modulesOf: (families) => (project === undefined ? [] : listDefiningModules(project, families)),
    graceMs,
    ...shared,
  })
}
