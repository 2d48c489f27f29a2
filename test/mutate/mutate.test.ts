import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FAULTS } from './faults.ts'
import { plantingProblem } from './workspace.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

it('every fault that `npm run mutate` plants still has its place', () => {
  const problems = FAULTS.flatMap((fault) => {
    const problem = plantingProblem(PROJECT, fault)
    return problem === undefined ? [] : [`${fault.name}: ${problem}`]
  })
  assert.deepEqual(problems, [])
})

it('no two faults have one name', () => {
  const names = FAULTS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
})
