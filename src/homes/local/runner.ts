import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileSecrets } from '../../adapters/secrets/file-secrets.ts'
import { isProcessGone } from '../../adapters/system/processes.ts'
import { prepareBodyJob, readSecretValues } from '../../body/prepare-job.ts'
import { findChildBundle } from '../../bundling/child-bundle.ts'
import type { Home } from '../../control/home.ts'
import type { PlannedTask } from '../../core/plan.ts'
import type { Logs } from '../../core/ports/looking.ts'
import type { BodyEnd, Job, Runner } from '../../core/ports/working.ts'
import { makeAttemptEnding } from '../../planning/conclude.ts'
import { readCommandYield } from '../../planning/foreign-yield.ts'
import { listDefiningModules } from '../../project/load-config.ts'
import { makeCommandRunner } from '../../runners/command/command-runner.ts'
import { makeContainerRunner } from '../../runners/container/container-runner.ts'
import { makeInlineRunner } from '../../runners/inline.ts'
import { makeProcessRunner } from '../../runners/process/process-runner.ts'
import type { HomeOptions } from './home.ts'
import { prepareContainer } from './prepare-container.ts'

const GRACE_MS = 10_000

/** What runners get of the home that they run in. */
export interface RunnerParts {
  logs: Logs
  secrets: FileSecrets
  definitions: Home['definitions']
}

/** Commands run as plain subprocesses, bodies in child processes or, with `--inline`, in this one. */
export function makeLocalRunner(options: HomeOptions, parts: RunnerParts): Runner {
  const bodies = makeBodyRunner(options, parts)
  const { logs, secrets, definitions } = parts
  const commands = makeCommandRunner({
    state: resolve(options.stateFolder),
    logs,
    secrets: (job) => readSecretValues(job.task.policy.secrets, secrets),
    readYield: (path, job) => readCommandYield(path, job, definitions),
    graceMs: options.graceMs ?? GRACE_MS,
  })
  const containers = makeContainerRunner({
    state: resolve(options.stateFolder),
    logs,
    prepare: ({ task }) => prepareContainer(task, secrets, definitions.surroundings.markers),
    isGone: isProcessGone,
    keepsFailed: options.keep === true,
    renewsImages: options.pull === true,
    readYield: (path, job) => readCommandYield(path, job, definitions),
    graceMs: options.graceMs ?? GRACE_MS,
  })
  const runnerOf = ({ command, container }: PlannedTask) =>
    container !== undefined ? containers : command !== undefined ? commands : bodies
  return {
    run: (job, hooks) => runnerOf(job.task).run(job, hooks),
    extendLease(nonce, leaseMs) {
      for (const runner of [bodies, commands, containers]) runner.extendLease(nonce, leaseMs)
    },
    renew: () => bodies.renew?.(),
    async endAbandoned(isOpen) {
      for (const runner of [commands, containers]) await runner.endAbandoned?.(isOpen)
    },
    async close() {
      await Promise.all([bodies.close(), commands.close(), containers.close()])
    },
  }
}

function makeBodyRunner({ inline, project, graceMs = GRACE_MS }: HomeOptions, parts: RunnerParts): Runner {
  const { logs, secrets, definitions } = parts
  const { tasks, surroundings, storageFolder } = definitions
  const shared = {
    logs,
    prepare: (job: Job) => prepareBodyJob(job, secrets, surroundings.markers),
    conclude: (end: BodyEnd) => makeAttemptEnding(definitions, end),
  }
  if (inline) return makeInlineRunner({ tasks, ...surroundings, ...shared })
  // A checkout has .ts and the package .js; in a bundle, which has .mjs, it is beside this module.
  const extension = extname(import.meta.url)
  const path = extension === '.mjs' ? './child.mjs' : `../../../worker/child${extension}`
  const entry = fileURLToPath(new URL(path, import.meta.url))
  let bundle: Promise<string> | undefined
  return makeProcessRunner({
    entry(fresh) {
      if (fresh === 'run') return entry
      bundle ??= findChildBundle(entry)
      return bundle
    },
    args: [project?.path ?? '', storageFolder, String(process.pid)],
    modulesOf: (families) => (project === undefined ? [] : listDefiningModules(project, families)),
    graceMs,
    ...shared,
  })
}
