import { dirname } from 'node:path'
import { freshFolder, SLUICE, script, type Told, told } from './commands.ts'
import type { Measure, Row } from './measures.ts'
import type { Peers } from './peers.ts'

const ROUNDS = 5
const AIM = 1.5
const GROUPS = 100
const SIZE = 99

/** Planning of 10,001 tasks of Luigi by the whole command, beside a walk of the same graph with nothing but Luigi. */
export const luigiTasks: Measure = {
  name: 'luigi tasks',
  async run(peers: Peers | undefined): Promise<Row[]> {
    if (peers === undefined) return []
    const module = script('peers', 'luigi_wide.py')
    const command = [...SLUICE, 'luigi', '--python', peers.python, '--module', 'luigi_wide', 'All', '--plan']
    const flags = ['--groups', String(GROUPS), '--size', String(SIZE), '--state', freshFolder()]
    const measured = (...argv: string[]) =>
      told(peers.python, [script('peers', 'measured.py'), ...argv], { PYTHONPATH: dirname(module) })
    const [walks, plans]: [Told[], Told[]] = [[], []]
    // In turns, so that what else the machine does falls on both.
    for (let round = 0; round < ROUNDS; round++) {
      walks.push(await measured(peers.python, module, String(GROUPS), String(SIZE)))
      plans.push(await measured(...command, ...flags))
    }
    const [walk, plan] = [findFastest(walks), findFastest(plans)]
    const times = plan.seconds / walk.seconds
    return [
      {
        measure: `luigi tasks: plan of ${1 + GROUPS * (SIZE + 1)} tasks`,
        sluice: `${plan.seconds.toFixed(2)} s, ${Math.round(plan.peakMb ?? 0)} MB`,
        peer: `bare walk ${walk.seconds.toFixed(2)} s, ${Math.round(walk.peakMb ?? 0)} MB; ${times.toFixed(2)} times`,
        target: `at most ${AIM} times`,
        isReached: times <= AIM,
        values: { planSeconds: plan.seconds, walkSeconds: walk.seconds, times },
      },
    ]
  },
}

/** The round that was disturbed least. */
const findFastest = (rounds: readonly Told[]): Told =>
  rounds.reduce((best, each) => (each.seconds < best.seconds ? each : best))
