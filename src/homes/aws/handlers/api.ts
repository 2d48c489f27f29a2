import type { Hono } from 'hono'
import type { Control } from '../../../control/control.ts'
import type { Home } from '../../../control/home.ts'
import { makeLocalControl } from '../../../control/local-control.ts'
import type { OpenRun } from '../../../control/parts.ts'
import { SELECTION_FAMILY } from '../../../control/selection/selection-run.ts'
import { SluiceError } from '../../../core/errors.ts'
import { createHttpApi } from '../../../http/api.ts'
import type { Project } from '../../../project/load-config.ts'
import { makeDeployedLineReader, type ReadPoolLines } from './read-lines.ts'
import { joinOrStartExecution, type Starter } from './start-run.ts'

/** What the API stands on. */
export interface ApiParts {
  home: Home
  project: Project
  starter: Starter
  /** Names of state machines begin so. */
  machines: string
  setSecret(name: string, value: string): Promise<void>
  readLines: ReadPoolLines
}

/** A function answers with 6 MB at most, see "Lambda quotas"; headers and what is around the body need a little. */
const MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 10_000

/**
 * The API of a deployment. A caller who may invoke the function may use all of it: AWS has checked the signature before, so
 * no other guard is needed.
 */
export const makeDeployedApi = (parts: ApiParts): Hono =>
  createHttpApi(makeDeployedControl(parts), {
    guards: {},
    maxAnswerBytes: MAX_ANSWER_BYTES,
    onDefect: (error) => console.error(error),
  })

/** Control inside a deployment: runs are planned by executions of its state machines. */
function makeDeployedControl({ home, project, starter, machines, setSecret, readLines }: ApiParts): Control {
  const openRun: OpenRun = async (_, asked, { pipeline, ...order }) => {
    // A selection of tasks of the config has several roots.
    if (asked.root === undefined && asked.request.family !== SELECTION_FAMILY)
      throw new SluiceError(
        'invalid_usage',
        'A plan from elsewhere runs on one machine, not in a deployment.',
        {
          hint: 'Give the command without --env.',
        },
      )
    const request = { asked, order, ...(pipeline === undefined ? {} : { pipeline }) }
    return joinOrStartExecution(home, starter, machines, request)
  }
  const control = makeLocalControl({
    state: { open: async () => home, existing: async () => home, withRuns: async () => home },
    project,
    isHosted: true,
    openRun,
    readLines: makeDeployedLineReader(readLines),
    secrets: { names: () => listDeclaredSecrets(project), set: setSecret, remove: refuseToRemove },
    close: async () => {},
  })
  return { ...control, prune: refuseToPrune }
}

function listDeclaredSecrets({ tasks }: Project): string[] {
  const names = [...tasks.values()].flatMap(({ policy }) => Object.values(policy.secrets))
  return [...new Set(names)].sort()
}

function refuseToRemove(name: string): never {
  throw new SluiceError(
    'invalid_usage',
    `The secret ${name} belongs to the stack, and goes with the tasks that use it.`,
    {
      hint: 'Remove it from the tasks, then deploy with --remove-data.',
    },
  )
}

async function refuseToPrune(): Promise<never> {
  throw new SluiceError(
    'invalid_usage',
    'A deployment forgets its runs by itself, by the time to live of its table.',
  )
}
