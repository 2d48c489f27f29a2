import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readLuigiConfig } from '../../src/luigi/read-config.ts'
import { LUIGI_DEFAULTS } from '../../src/luigi/scheduler/config.ts'

const read = (text: string) => readLuigiConfig(text, 'luigi.cfg')

describe('the config of Luigi', () => {
  it('gives the scheduler its settings and resources, by the names that Luigi takes', () => {
    const { config, resources } = read(
      [
        '# the team',
        '[core]',
        'retry_delay = 1',
        '[scheduler]',
        'retry-delay = 7',
        'retry_count: 5',
        'pause_enabled = no',
        'state_path = /var/lib/luigi',
        '[resources]',
        'MAG = 3',
        'mag=1',
        '',
        '; more of it',
        '[scheduler]\r',
        'remove_delay=1e3\r',
      ].join('\n'),
    )
    assert.deepEqual(resources, { MAG: 3, mag: 1 }, 'names are as they are written')
    assert.deepEqual(
      [config.retry_delay, config.retry_count, config.pause_enabled, config.remove_delay],
      [7, 5, false, 1_000],
    )
  })

  it('differs from that of luigid, if it says nothing, in what costs nothing here', () => {
    assert.deepEqual(read('').config, {
      ...LUIGI_DEFAULTS,
      prune_on_get_work: true,
      record_task_history: true,
    })
    assert.equal(read('[scheduler]\nprune_on_get_work = false').config.prune_on_get_work, false)
  })

  it('says which value is none', () => {
    assert.throws(() => read('[scheduler]\nretry_delay = soon'), /retry_delay is "soon"; it takes a number/)
    assert.throws(() => read('[scheduler]\npause_enabled = maybe'), /"maybe"; it takes true or false/)
    assert.throws(() => read('[resources]\nr ='), /the resource r is ""/)
  })
})
