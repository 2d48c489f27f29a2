import assert from 'node:assert/strict'
import { it } from 'node:test'
import { renderNoLines } from '../../src/cli/render/no-lines.ts'

it('says why there are no lines: nothing ran, or nothing was written', () => {
  assert.match(renderNoLines('Clicks', { hasBegun: false }), /^Clicks has not run in this run/)
  assert.equal(renderNoLines('Clicks', { hasBegun: true }), 'Clicks has written no lines.')
})
