import assert from 'node:assert/strict'
import { it } from 'node:test'
import { makeEmrHandle } from '../../src/adapters/emr/jobs.ts'
import { renderNoLines } from '../../src/cli/render/no-lines.ts'

it('says why there are no lines: nothing ran, nothing was written, or a service keeps them', () => {
  const step = makeEmrHandle('j-2AXXXXXXGAPLF', 's-01234567890ABCDEFGHI')
  assert.match(renderNoLines('Clicks', { hasBegun: false }, step), /^Clicks has not run in this run/)
  assert.equal(renderNoLines('Clicks', { hasBegun: true }, undefined), 'Clicks has written no lines.')
  const task = 'arn:aws:ecs:eu-west-2:123456789012:task/c/0123'
  assert.equal(renderNoLines('Clicks', { hasBegun: true }, task), 'Clicks has written no lines.')
  assert.match(
    renderNoLines('Clicks', { hasBegun: true }, step),
    /EMR keeps them in the log folder of the cluster, under j-2AXXXXXXGAPLF\/steps\/s-01234567890ABCDEFGHI,/,
  )
})
