import { makeProgramFamily } from '../../../core/names.ts'
import { makeProgramEnvironment, type ProgramDetails } from '../../../core/program.ts'
import type { LaunchParts } from '../../../engine/launch.ts'
import { type BundledPrograms, findBundledProgram } from '../../../project/bundled.ts'

/** What the program of an attempt is launched with. `families`: what the families of all task definitions begin with. */
export const makeProgramOrders =
  (programs: BundledPrograms, families: string): LaunchParts<ProgramDetails>['makeOrder'] =>
  ({ task, planned, nonce, checkpoint, memoryMb }) => {
    const { run, attempt, counts = {}, failure } = task
    const program = findBundledProgram(programs, planned)
    if (program === undefined || planned.container === undefined)
      return { problem: `the deployment no longer runs ${planned.family} in a container` }
    const { argv } = planned.container
    const job = { run, task: planned, attempt, nonce, ...(checkpoint === undefined ? {} : { checkpoint }) }
    return {
      target: makeProgramFamily(families, program.pool, program.id),
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
