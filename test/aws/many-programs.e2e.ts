import assert from 'node:assert/strict'
import { it } from 'node:test'
import { unique, whileTicking } from './deployed.ts'
import { countStarted, json, STACK, sluice } from './programs.ts'

/** Takes minutes and a gigabyte for each ten, so it is run by hand: AWS_TEST_MANY=100 npm run test:aws -- test/aws/many-programs.e2e.ts */
const MANY = Number(process.env.AWS_TEST_MANY ?? 0)

it('many programs at once are each launched once', { skip: MANY === 0, timeout: 1_400_000 }, async () => {
  const deploy = ['deploy', '--architecture', 'x86_64', '--yes']
  const deployed = await sluice(deploy, { build: 'deployed' })
  assert.equal(deployed.code, 0, deployed.stderr)
  const began = Date.now()
  const told = await whileTicking(json('run', 'wide', '--of', unique('wide'), '--size', `${MANY}`), STACK)
  assert.equal(told.status, 'succeeded', JSON.stringify(told))
  const { tasks } = await json('status', told.run)
  const counts = tasks.flatMap((task: { counts: { [outcome: string]: number } }) =>
    Object.entries(task.counts),
  )
  console.log(
    `${MANY} programs in ${Math.round((Date.now() - began) / 1000)} s, ends beside successes: ${counts}`,
  )
  const repeated = counts.reduce((sum: number, [, times]: [string, number]) => sum + times, 0)
  assert.equal(await countStarted(told.run), MANY + repeated)
})
