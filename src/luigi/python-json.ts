import { SluiceError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'

/** What stands for a number without end: the largest one, because no answer may have another one than JSON has. */
const LARGEST = String(Number.MAX_VALUE)

/** So deep lists and objects may be in each other. Python reads about 1,000; what is deeper than the stack could be kept and never told. */
const MAX_DEPTH = 500

/**
 * Reads JSON as Python writes it, with Infinity and NaN: the size of a batch without a limit is Infinity. They become the
 * largest number and null. Throws a SyntaxError if it is no JSON, and `invalid_usage` if it is too deep.
 */
export function parsePythonJson(text: string): Json {
  refuseDepth(text)
  if (!text.includes('Infinity') && !text.includes('NaN')) return JSON.parse(text)
  let read = ''
  for (const { part, isString } of splitStrings(text)) read += isString ? part : replaceNumbers(part)
  return JSON.parse(read)
}

const replaceNumbers = (part: string) =>
  part.replace(/-?Infinity|NaN/g, (token) => (token === 'NaN' ? 'null' : token.replace('Infinity', LARGEST)))

function refuseDepth(text: string): void {
  // Most calls have few lists in all.
  if ((text.match(/[[{]/g)?.length ?? 0) <= MAX_DEPTH) return
  let depth = 0
  for (const { part, isString } of splitStrings(text)) {
    if (isString) continue
    for (const sign of part) {
      depth += STEPS[sign] ?? 0
      if (depth > MAX_DEPTH) throw makeDepthError()
    }
  }
}

const STEPS: { [sign: string]: number } = { '[': 1, '{': 1, ']': -1, '}': -1 }

const makeDepthError = () =>
  new SluiceError(
    'invalid_usage',
    `The field \`data\` has lists and objects in each other, more than ${MAX_DEPTH} deep.`,
    { hint: 'Send what is deep as a text.' },
  )

/** The strings of a text of JSON, and what is between them. A pattern would need the stack for a long string. */
function* splitStrings(text: string): Generator<{ part: string; isString: boolean }> {
  for (let at = 0; at < text.length; ) {
    const begin = text.indexOf('"', at)
    yield { part: text.slice(at, begin === -1 ? text.length : begin), isString: false }
    if (begin === -1) return
    at = findStringEnd(text, begin)
    yield { part: text.slice(begin, at), isString: true }
  }
}

/** The place after the quote that ends a string; the end of the text if none does. */
function findStringEnd(text: string, begin: number): number {
  for (let quote = text.indexOf('"', begin + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let before = quote
    while (text[before - 1] === '\\') before--
    if ((quote - before) % 2 === 0) return quote + 1
  }
  return text.length
}

/** Writes an answer; maps keep their order, which an object does not if its names look like numbers. */
export function writeAnswerJson(value: unknown): string {
  if (value instanceof Map) {
    const fields = [...value].map(
      ([name, each]) => `${JSON.stringify(String(name))}:${writeAnswerJson(each)}`,
    )
    return `{${fields.join(',')}}`
  }
  if (Array.isArray(value)) return `[${value.map(writeAnswerJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  if (!Object.values(value).some((each) => each instanceof Map)) return JSON.stringify(value)
  return writeAnswerJson(new Map(Object.entries(value)))
}
