import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { makeSecretMask, maskAttemptFailure, maskLogLine } from '../../src/core/mask.ts'
import fc from '../support/fast-check.ts'

const SECRET = `Tr0ub4dor&3 "quoted"\\back`
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('masking', () => {
  const mask = makeSecretMask([SECRET])
  const forms: [name: string, text: string, masked?: string][] = [
    ['as it is', `the key is ${SECRET}!`, 'the key is ***!'],
    ['as JSON', JSON.stringify({ key: SECRET }), '{"key":"***"}'],
    ['as JSON within JSON', JSON.stringify({ body: JSON.stringify({ key: SECRET }) })],
    ['as JSON in ASCII', '"Tr0ub4dor\\u00263 \\u0022quoted\\u0022\\u005cback"', '"***"'],
    ['inspected', inspect({ key: SECRET }), "{ key: '***' }"],
    ['inspected, with every quote', inspect({ key: `'\`${SECRET}` }), "{ key: '\\'`***' }"],
    ['in a path', `/x/${encodeURIComponent(SECRET)}/y`, '/x/***/y'],
    ['in a URL', new URL(`http://h/?key=${SECRET}&b=2`).href],
    ['in lower-case percents', encodeURIComponent(SECRET).toLowerCase().replace('tr0', 'Tr0')],
    ['in a form', new URLSearchParams({ key: SECRET, b: '2' }).toString(), 'key=***&b=2'],
    ['in HTML', SECRET.replace(/&/g, '&amp;').replace(/"/g, '&quot;'), '***'],
    ['in HTML by numbers', SECRET.replace(/[&"\\]/g, (each) => `&#${each.charCodeAt(0)};`), '***'],
  ]
  for (const [name, text, masked] of forms)
    it(`hides a secret ${name}`, () => {
      if (masked !== undefined) assert.equal(mask(text), masked)
      assert.doesNotMatch(mask(text), /ub4dor|quoted|back/)
    })

  it('hides a secret in base64, wherever it begins and in both alphabets', () => {
    for (const before of ['', 'a', 'ab', 'user:'])
      for (const after of ['', 'z', 'zz']) {
        const text = `${before}${SECRET}${after}`
        // The characters at its ends hold bits of others.
        for (const encoded of [base64(text), Buffer.from(text).toString('base64url')])
          assert.ok(
            mask(encoded).replace('***', '').length <= before.length * 2 + after.length * 2 + 8,
            encoded,
          )
        assert.match(mask(base64(text)), /\*\*\*/)
      }
  })

  it('hides a secret in hexadecimal, in both cases and with separators', () => {
    const bytes = Buffer.from(SECRET)
    for (const text of [
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      bytes.toString('hex').replace(/..(?=.)/g, '$&:'),
      inspect(bytes).replace('<Buffer ', '').replace('>', ''),
    ])
      assert.equal(mask(`key=${text}!`), 'key=***!')
  })

  it('hides a secret in base64 of JSON, of a URL and of a form', () => {
    for (const text of [
      JSON.stringify({ key: SECRET }),
      encodeURIComponent(SECRET),
      new URLSearchParams({ key: SECRET }).toString(),
    ]) {
      const shown = mask(base64(text)).split('***')
      assert.equal(shown.length, 2, text)
      assert.doesNotMatch(Buffer.from(shown.join(''), 'base64').toString(), /ub4dor|quoted|back/)
    }
  })

  describe('of base64 that is broken into lines', () => {
    const columns = fc.constantFrom(64, 76)
    const broken = (text: string, width: number) => base64(text).match(new RegExp(`.{1,${width}}`, 'g')) ?? []
    /** Whether eight characters of the secret's base64 are shown. */
    function isShown(secret: string, lines: string[]): boolean {
      const text = lines.join('').replace(/\n|\\r\\n/g, '')
      return [0, 1, 2].some((offset) => {
        const own = base64(`${'x'.repeat(offset)}${secret}`).slice(offset === 0 ? 0 : offset + 1, -2)
        return Array.from(own.slice(8), (_, from) => own.slice(from, from + 8)).some((part) =>
          text.includes(part),
        )
      })
    }
    const secrets = fc.string({ minLength: 12, maxLength: 200 }).filter((text) => text.trim() === text)

    it('hides the secret, line by line and in one text', () => {
      fc.assert(
        fc.property(
          secrets,
          fc.string({ minLength: 50, maxLength: 150 }),
          columns,
          (secret, before, width) => {
            const masked = makeSecretMask([secret])
            const lines = broken(`${before}${secret}${before}`, width)
            const json = JSON.stringify(lines.join('\r\n'))
            for (const texts of [lines, [lines.join('\n')], [json]])
              assert.ok(!isShown(secret, texts.map(masked)))
            assert.ok(isShown(secret, lines))
          },
        ),
      )
    })

    it('leaves other base64 alone', () => {
      const lines = broken(Array.from({ length: 300 }, (_, n) => `line ${n}`).join(), 76)
      assert.deepEqual(lines.map(mask), lines)
      assert.equal(mask(lines.join('\n')), lines.join('\n'))
    })
  })

  it('hides any secret in each form, and leaves other text alone', () => {
    const encoders = [
      (text: string) => text,
      (text: string) => JSON.stringify(text),
      (text: string) => JSON.stringify(JSON.stringify(text)),
      (text: string) => inspect([text]),
      (text: string) => encodeURIComponent(text),
      (text: string) => new URLSearchParams({ text }).toString(),
    ]
    const secrets = fc
      .string({ minLength: 4, maxLength: 40, unit: 'grapheme' })
      .filter((text) => text.trim().length >= 4)
    fc.assert(
      fc.property(secrets, fc.constantFrom(...encoders), (secret, encode) => {
        const value = secret.trim()
        assert.match(makeSecretMask([secret])(encode(`<<${value}>>`)), /\*\*\*/)
      }),
    )
    assert.equal(mask('an ordinary line with "quotes" & more'), 'an ordinary line with "quotes" & more')
  })

  it('hides each line of a secret of several lines', () => {
    const key = '-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1234\nabcdEFGH5678ijkl\n-----END KEY-----'
    for (const text of [key, JSON.stringify({ key }), inspect({ key }), encodeURIComponent(key)])
      assert.doesNotMatch(makeSecretMask([key])(text), /MIIEp|EFGH5678/)
  })

  it('hides a secret of two or three characters only where it stands alone', () => {
    const short = makeSecretMask(['ab1'])
    assert.equal(short('the pin is ab1, not grab12'), 'the pin is ***, not grab12')
    assert.equal(makeSecretMask(['7'])('7 of 77'), '7 of 77')
  })

  it('takes a moment for a long line of what it looks for', () => {
    const patterns = makeSecretMask(['\\\\\\\\"\\"x', "'''''''y", '    z'])
    const begun = performance.now()
    for (const character of ['\\', '"', "'", ' ', '%', '&']) patterns(character.repeat(500_000))
    assert.ok(performance.now() - begun < 60_000, 'not quadratic')
  })
})

describe('a line of the log', () => {
  const of = (text: string, dropped?: number) =>
    maskLogLine(
      { at: 1, level: 'info', text, ...(dropped === undefined ? {} : { dropped }) },
      makeSecretMask([SECRET]),
    ).text

  it('says how much of it is missing where it is cut', () => {
    assert.equal(of('x'.repeat(65_536)), 'x'.repeat(65_536))
    const cut = of('x'.repeat(100_000), 11)
    const shown = cut.indexOf('…')
    assert.equal(cut.slice(shown), `… (${100_011 - shown} more characters)`)
  })

  it('shows no half of a secret where it is cut', () => {
    for (const before of [65_520, 65_530, 99_980]) {
      const text = `${'x'.repeat(before)}${SECRET}`
      assert.doesNotMatch(of(text), /Tr0/)
      assert.doesNotMatch(of(text.slice(0, -10), 10), /Tr0/)
    }
  })
})

describe('a failure', () => {
  it('is cut after it was masked, and shows that', () => {
    const { message, stack } = maskAttemptFailure(
      {
        outcome: 'failed',
        message: `${'m'.repeat(490)}${SECRET}${'n'.repeat(50)}`,
        stack: JSON.stringify(SECRET),
      },
      makeSecretMask([SECRET]),
    )
    assert.equal(message.length, 500)
    assert.match(message, /m\*\*\*n+…$/)
    assert.equal(stack, '"***"')
  })
})
