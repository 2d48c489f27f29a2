import { makeProgramFamily } from '../../../core/names.ts'
import { makeProgramEnvironment, type ProgramDetails } from '../../../core/program.ts'
import { ECS } from '../../../core/records/launch.ts'
import type { TaskRun } from '../../../core/records/task-run.ts'
import type { ClaimedAttempt } from '../../../engine/claim.ts'
import type { Launching } from '../../../engine/context.ts'
import type { LaunchParts } from '../../../engine/launch.ts'
import { type BundledPrograms, findBundledProgram } from '../../../project/bundled.ts'

/** The task definition of a program. `families`: what the families of all task definitions begin with. */
export const makeProgramPlaces =
  (programs: BundledPrograms, families: string): NonNullable<Launching['placeOf']> =>
  (planned) => {
    const program = findBundledProgram(programs, planned)
    return program && { service: ECS, target: makeProgramFamily(families, program.pool, program.id) }
  }

/** What of an attempt its program is launched with. */
type ProgramAttempt = Pick<ClaimedAttempt, 'planned' | 'nonce' | 'checkpoint' | 'memoryMb'> & {
  task: Pick<TaskRun, 'run' | 'attempt' | 'counts' | 'failure'>
}

/** What the program of an attempt is launched with. */
export const makeProgramDetails =
  (programs: BundledPrograms) =>
  ({
    task,
    planned,
    nonce,
    checkpoint,
    memoryMb,
  }: ProgramAttempt): ReturnType<LaunchParts<ProgramDetails>['makeDetails']> => {
    const { run, attempt, counts = {}, failure } = task
    const program = findBundledProgram(programs, planned)
    if (program === undefined || planned.container === undefined)
      return {
        problem: `the deployment no longer runs ${planned.family}, neither in a container nor as a job`,
      }
    const { argv } = planned.container
    const job = { run, task: planned, attempt, nonce, ...(checkpoint === undefined ? {} : { checkpoint }) }
    return {
      details: {
        env: makeProgramEnvironment(job),
        cpu: planned.policy.cpu ?? program.cpu,
        memoryMb: memoryMb ?? program.memoryMb,
        // What was interrupted once, or has just not started, gets capacity at the usual price, which stays.
        spot: program.spot && (counts.interrupted ?? 0) === 0 && failure?.outcome !== 'not_started',
        ...(argv === undefined ? {} : { argv }),
      },
    }
  }
