import { makeBase64Pieces } from './mask-base64.ts'

/** Shorter values are masked only if they stand alone: elsewhere they would hide half of an ordinary line. */
const MIN_INSIDE = 4
/** A single character tells nothing, and would hide much. */
const MIN_LENGTH = 2
/** Text that is encoded in JSON three times has up to 7 backslashes before a quote. */
const MAX_ESCAPES = 7

const PLAIN = /[A-Za-z0-9_]/
const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g

/**
 * Patterns of a secret (sources of regular expressions) as logs show it: each of its characters as it is or in any of its
 * usual spellings (JSON and JSON within JSON, `util.inspect`, URLs, forms, HTML, a shell's quotes), also mixed; hexadecimal;
 * and base64 at each of its three offsets, in both alphabets.
 */
export function listSecretForms(secret: string): string[] {
  if (secret.length < MIN_LENGTH) return []
  const spelled = spellings(secret)
  if (secret.length < MIN_INSIDE) return [`(?<![A-Za-z0-9])${spelled}(?![A-Za-z0-9])`]
  return [spelled, ...hexForms(secret), ...makeBase64Pieces(secret).map(base64Form)]
}

/** Letters and digits are nowhere written in another way, so most secrets stay short patterns that are searched quickly. */
function spellings(secret: string): string {
  const pieces = secret.match(/\\+|[A-Za-z0-9_]|[^\\]/gsu) ?? []
  return pieces.map((piece, index) => spelling(piece, pieces[index - 1])).join('')
}

function spelling(piece: string, before: string | undefined): string {
  if (PLAIN.test(piece)) return piece
  if (piece.startsWith('\\')) return backslashes(piece.length)
  // Backslashes before it may be part of those that the secret has itself.
  const escapes = before?.startsWith('\\') ? '' : `\\\\{0,${MAX_ESCAPES}}`
  const code = piece.codePointAt(0) ?? 0
  const units = piece.split('').map((unit) => unit.charCodeAt(0))
  const forms = [
    literal(piece),
    units.map((unit) => `u${anyCase(hex(unit, 4))}`).join(`\\\\{1,${MAX_ESCAPES}}`),
    ...(code < 256 ? [`x${anyCase(hex(code, 2))}`] : []),
    ...(NAMED_ESCAPES[piece] ?? []),
  ]
  const others = [percent(piece), ...(piece === ' ' ? ['\\+'] : []), ...html(piece, code)]
  return `(?:${escapes}(?:${forms.join('|')})|${others.join('|')})`
}

/** Each of them once or, at each encoding, twice as often; or as a percent or HTML form. */
function backslashes(count: number): string {
  const other = `(?:${percent('\\')}|&#92;|&#[xX]5[cC];|\\\\{1,${MAX_ESCAPES}}[xu](?:00)?5[cC])`
  return `(?:\\\\{${count},${count * (MAX_ESCAPES + 1)}}|${other}{${count}})`
}

const NAMED_ESCAPES: { [character: string]: string[] } = {
  '\n': ['n'],
  '\r': ['r'],
  '\t': ['t'],
  '\b': ['b'],
  '\f': ['f'],
  '\v': ['v'],
  // `'` within single quotes of a shell.
  "'": [`''`, `'"'"'`],
}

const HTML_NAMES: { [character: string]: string } = {
  '&': 'amp',
  '<': 'lt',
  '>': 'gt',
  '"': 'quot',
  "'": 'apos',
}

/** With `&amp;amp;` for what was escaped twice. */
function html(character: string, code: number): string[] {
  const name = HTML_NAMES[character]
  return [
    ...(name === undefined ? [] : [`&(?:amp;)?${name};`]),
    `&#0{0,4}${code};`,
    `&#[xX]0{0,4}${anyCase(code.toString(16))};`,
  ]
}

/** Of the character's bytes in UTF-8; `%25` for what was encoded twice. */
const percent = (character: string) =>
  [...new TextEncoder().encode(character)].map((byte) => `%(?:25)?${anyCase(hex(byte, 2))}`).join('')

const hex = (code: number, length: number) => code.toString(16).padStart(length, '0')
const anyCase = (text: string) => text.replace(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)
const literal = (text: string) => text.replace(SPECIAL, '\\$&')

/** Pieces of base64 in both alphabets, also within JSON and URLs. */
const base64Form = (piece: string) =>
  piece.replace(/\+/g, '(?:[+-]|%2[bB])').replace(/\//g, '(?:[/_]|\\\\/|%2[fF])')

/** The bytes in hexadecimal, in one case, with or without a separator, as `xxd`, `Buffer` and fingerprints write them. */
function hexForms(secret: string): string[] {
  const bytes = [...new TextEncoder().encode(secret)].map((byte) => hex(byte, 2))
  const lower = bytes.join('[ :-]?')
  return [...new Set([lower, bytes.map((byte) => byte.toUpperCase()).join('[ :-]?')])]
}
