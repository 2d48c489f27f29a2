import { SHIM_IN_CONTAINER } from '../../../body/luigi-shim.ts'
import type { Home } from '../../../control/home.ts'
import { findMissingResults } from '../../../control/missing-results.ts'
import type { ShellKeeper } from '../../../control/parts.ts'
import { SluiceError } from '../../../core/errors.ts'
import { keys } from '../../../core/keys.ts'
import { makeShellFamily, SHELL } from '../../../core/names.ts'
import type { PlannedTask } from '../../../core/plan.ts'
import type { ShellJobs } from '../../../core/ports/launching.ts'
import type { ProgramDetails } from '../../../core/program.ts'
import { MARKER_URI } from '../../../define/targets/marker.ts'
import { type BundledPrograms, findBundledProgram } from '../../../project/bundled.ts'
import { makeProgramDetails } from './launch-programs.ts'

/** What shells of a deployment are opened with. */
export interface ShellParts {
  programs: BundledPrograms
  /** What the families of all task definitions begin with. */
  families: string
  findJobs(): Promise<ShellJobs<ProgramDetails>>
}

/** Shells of a deployment that lets people into containers of its programs. */
export function makeDeployedShells({ programs, families, findJobs }: ShellParts): ShellKeeper {
  const makeDetails = makeProgramDetails(programs)
  return {
    async open(home, { run, task, planned, token }) {
      const program = requireProgram(programs, planned)
      await requireInputs(home, run.id, planned)
      const [checkpoint] = await home.context.ports.store.read([keys.checkpoint(run.id, planned.number)])
      const memoryMb = task.memoryMb ?? planned.policy.memoryMb
      const made = makeDetails({
        task: { ...task, attempt: Math.max(1, task.attempt) },
        planned,
        // Of the shell alone: no span of its trace is that of an attempt.
        nonce: `shell/${token}`,
        ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.value }),
        ...(memoryMb === undefined ? {} : { memoryMb }),
      })
      if ('problem' in made) throw new SluiceError('invalid_usage', `No shell was opened: ${made.problem}.`)
      const answer = await (await findJobs()).open({
        token,
        target: makeShellFamily(families, program.pool, program.id),
        of: { run: run.id, number: planned.number },
        ...made,
      })
      if (answer.is === 'refused')
        throw new SluiceError('deployment_unreachable', `No shell was opened: ${answer.message}.`, {
          hint: 'Nothing was started. Capacity may be there in a minute; what is too large or gone stays so until the next deploy.',
        })
      return {
        run: run.id,
        task: planned.label,
        shell: answer.id,
        image: task.image ?? null,
        argv: planned.container?.argv === undefined ? null : [...planned.container.argv],
        limitMs: SHELL.limitMs,
      }
    },
    end: async (shell) => (await findJobs()).end(shell, 'the shell has ended'),
  }
}

/** Those of a deployment that lets nobody in. */
export function makeClosedShells(environment: string): ShellKeeper {
  const refuse = async (): Promise<never> => {
    throw new SluiceError(
      'invalid_usage',
      `The environment ${environment} opens no shells in containers of programs.`,
      {
        hint: `Allow them with shells: true in environments.${environment} of the config, then sluice deploy --env ${environment}. Without --env the command opens one in the same image on this machine.`,
      },
    )
  }
  return { open: refuse, end: refuse }
}

function requireProgram(programs: BundledPrograms, planned: PlannedTask) {
  const { container, job, label, family } = planned
  if (container === undefined)
    throw new SluiceError(
      'invalid_usage',
      `${label} is no task in a container, so there is no image to open a shell in.`,
      {
        hint:
          job === undefined
            ? `Debug its body on this machine: sluice run ${family} --inline.`
            : 'EMR runs it: its lines are shown by sluice logs, and its `local` runs on this machine.',
      },
    )
  const program = findBundledProgram(programs, planned)
  if (program !== undefined) return program
  throw new SluiceError('invalid_usage', `The deployment has no image of ${label} any more.`, {
    hint: `${family} was in an earlier deployment: deploy it again, or open the shell on this machine.`,
  })
}

async function requireInputs(home: Home, run: string, planned: PlannedTask): Promise<void> {
  const { storage } = home.surroundings
  const files = (planned.container?.inputs ?? []).filter(
    ({ uri }) => !uri.startsWith(MARKER_URI) && uri !== SHIM_IN_CONTAINER.input.uri,
  )
  const there = await storage.existMany(files.map(({ at }) => at))
  const missing = await findMissingResults(home, run, planned)
  // Only of a folder nothing has its name.
  for (const [index, { at, uri }] of files.entries())
    if (!there[index] && (await storage.list(at)).length === 0) missing.push(uri)
  if (missing.length === 0) return
  throw new SluiceError(
    'invalid_usage',
    `Inputs of ${planned.label} are not there yet: ${missing.join(', ')}.`,
    { hint: `Its upstreams have to run first: sluice status ${run} shows how they stand.` },
  )
}
