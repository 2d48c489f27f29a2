import type { Json } from '../core/json.ts'

/** Strings, and what Python writes that JSON does not have. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g

/** What stands for a number without end: the largest one, because no answer may have another one than JSON has. */
const LARGEST = String(Number.MAX_VALUE)

/**
 * Reads JSON as Python writes it, with Infinity and NaN: the size of a batch without a limit is Infinity. They become the
 * largest number and null. Throws a SyntaxError if it is no JSON.
 */
export function parsePythonJson(text: string): Json {
  if (!text.includes('Infinity') && !text.includes('NaN')) return JSON.parse(text)
  return JSON.parse(
    text.replace(TOKENS, (token) => {
      if (token.startsWith('"')) return token
      return token === 'NaN' ? 'null' : token.replace('Infinity', LARGEST)
    }),
  )
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
