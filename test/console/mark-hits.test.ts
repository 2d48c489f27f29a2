import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cutByLook, removeLook } from '../../console/ansi.ts'
import { findHits, markHits } from '../../console/mark-hits.ts'

/** Numbers from 0 up to 1 that are the same in each run. */
function makeRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const PIECES = [
  '<b>',
  '&amp;',
  'İ',
  'ß',
  'Σ',
  '\u202e',
  '\u200b',
  '💧',
  'aB',
  'x',
  '.*',
  '\u001b[31m',
  '\u001b[1m',
  '\u001b[0m',
  '\u001b[2K',
]

describe('hits within a line', () => {
  it('are found in upper and lower case, across colours, and none within another', () => {
    const pieces = cutByLook('a \u001b[31mNee\u001b[0mDle, needle')
    assert.deepEqual(
      markHits(pieces, 'nEEdle').map(({ text, look, isHit }) => [text, look, isHit]),
      [
        ['a ', '', false],
        ['Nee', 'c1', true],
        ['Dle', '', true],
        [', ', '', false],
        ['needle', '', true],
      ],
    )
    assert.deepEqual(findHits('aaa', 'aa'), [[0, 2]])
    assert.deepEqual(findHits('a.c abc', 'a.c'), [[0, 3]])
    assert.deepEqual(findHits('anything', ''), [])
  })

  it('stand where they are, though a sign before them is longer in lower case', () => {
    assert.deepEqual(findHits('İİ İstanbul', 'stan'), [[4, 8]])
    assert.deepEqual(findHits('İ', 'i'), [[0, 1]])
  })

  it('are a bounded number of pieces, however many there are', () => {
    assert.ok(markHits(cutByLook('a'.repeat(5_000)), 'a').length <= 101)
  })

  it('lose, add and move nothing, whatever the line and the search are', () => {
    const random = makeRandom(17)
    const pick = () => PIECES[Math.floor(random() * PIECES.length)] ?? ''
    let marked = 0
    for (let turn = 0; turn < 3_000; turn += 1) {
      const line = Array.from({ length: Math.floor(random() * 20) }, pick).join('')
      const wanted = removeLook(Array.from({ length: 1 + Math.floor(random() * 3) }, pick).join(''))
      const pieces = cutByLook(line)
      const cut = markHits(pieces, wanted)
      const signs = (all: { text: string; look: string }[]) =>
        all.flatMap(({ text, look }) => text.split('').map((sign) => `${look} ${sign}`))
      assert.deepEqual(signs(cut), signs(pieces), JSON.stringify([line, wanted]))
      const plain = removeLook(line)
      const spans = findHits(plain, wanted)
      assert.equal(spans.length > 0, wanted !== '' && plain.toLowerCase().includes(wanted.toLowerCase()))
      for (const [start, end] of spans)
        assert.ok(plain.slice(start, end).toLowerCase().includes(wanted.toLowerCase()))
      const hits = cut.filter(({ isHit }) => isHit).map(({ text }) => text)
      assert.equal(hits.join(''), spans.map(([start, end]) => plain.slice(start, end)).join(''))
      marked += hits.length
    }
    assert.ok(marked > 500, `${marked} hits`)
  })
})
