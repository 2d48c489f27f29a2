import { AsyncLocalStorage } from 'node:async_hooks'
import { Hono } from 'hono'
import type { Control } from '../../../control/control.ts'
import type { Home } from '../../../control/home.ts'
import { makeLocalControl } from '../../../control/local-control.ts'
import type { OpenRun, ShellKeeper } from '../../../control/parts.ts'
import { SELECTION_FAMILY } from '../../../control/selection/selection-run.ts'
import { SluiceError } from '../../../core/errors.ts'
import { type Actor, makeActor } from '../../../core/records/actor.ts'
import { createHttpApi } from '../../../http/api.ts'
import type { Project } from '../../../project/load-config.ts'
import { makeDeployedLineReader, type ReadPoolLines, type StepLines } from './read-lines.ts'
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
  stepLines: StepLines
  shells: ShellKeeper
}

/** A function answers with 6 MB at most, see "Lambda quotas"; headers and what is around the body need a little. */
const MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 10_000

/**
 * The API of a deployment. A caller who may invoke the function may use all of it: AWS has checked the signature before, so
 * no other guard is needed.
 */
export function makeDeployedApi(parts: ApiParts): Hono<{ Bindings: CallBindings }> {
  const callers = new AsyncLocalStorage<Actor | undefined>()
  const api = createHttpApi(
    makeDeployedControl(parts, () => callers.getStore()),
    {
      guards: {},
      maxAnswerBytes: MAX_ANSWER_BYTES,
      onDefect: (error) => console.error(error),
    },
  )
  return new Hono<{ Bindings: CallBindings }>().all('*', ({ req, env }) =>
    callers.run(readCaller(env), () => api.fetch(req.raw, env)),
  )
}

/** What a function URL tells of a call beside the request itself. */
interface CallBindings {
  requestContext?: { authorizer?: { iam?: { userArn?: string } } }
}

/** AWS writes here whose signature it has checked; no part of the request can say so. */
function readCaller({ requestContext }: CallBindings = {}): Actor | undefined {
  const arn = requestContext?.authorizer?.iam?.userArn
  return arn === undefined ? undefined : makeActor('identity', arn)
}

/** Control inside a deployment: runs are planned by executions of its state machines. */
function makeDeployedControl(
  { home, project, starter, machines, setSecret, readLines, stepLines, shells }: ApiParts,
  findActor: () => Actor | undefined,
): Control {
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
    findActor,
    isHosted: true,
    openRun,
    readLines: makeDeployedLineReader(readLines, stepLines),
    secrets: { names: () => listDeclaredSecrets(project), set: setSecret, remove: refuseToRemove },
    shells: logShells(shells, findActor),
    close: async () => {},
  })
  return { ...control, prune: refuseToPrune }
}

/** Shells have no record; the log of the function keeps who has opened and ended one. */
const logShells = ({ open, end }: ShellKeeper, findActor: () => Actor | undefined): ShellKeeper => ({
  async open(home, asked) {
    const opened = await open(home, asked)
    console.log(JSON.stringify({ opened, by: findActor() }))
    return opened
  },
  async end(shell) {
    const isKnown = await end(shell)
    if (isKnown) console.log(JSON.stringify({ ended: shell, by: findActor() }))
    return isKnown
  },
})

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
