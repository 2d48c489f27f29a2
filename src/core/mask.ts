import { makeBase64Pieces, maskBrokenBase64 } from './mask-base64.ts'
import { listSecretForms } from './mask-forms.ts'
import type { LogLine } from './ports/looking.ts'
import type { Failure, Progress } from './records/task-run.ts'

/** Masks of the secrets that were used last, so that the attempts of one task make theirs once. */
const KNOWN = 32
const known = new Map<string, Mask>()

/** Replaces secrets in a text. */
export type Mask = (text: string) => string

const unmasked: Mask = (text) => text

/**
 * A function that replaces every secret value in a text by `***`: as it is, and as the usual encodings write it
 * ({@link listSecretForms}). A value of several lines is masked line by line.
 */
export function makeSecretMask(values: Iterable<string>): Mask {
  const secrets = [...values]
  if (secrets.length === 0) return unmasked
  const name = JSON.stringify(secrets)
  const mask = known.get(name) ?? makeMask(secrets)
  known.delete(name)
  known.set(name, mask)
  if (known.size > KNOWN) known.delete(known.keys().next().value ?? name)
  return mask
}

function makeMask(secrets: string[]): Mask {
  const parts = secrets
    .flatMap((value) => [value, ...value.split(/\r?\n/)])
    .map((part) => part.trim())
    .sort((a, b) => b.length - a.length)
  const forms = [...new Set(parts.flatMap(listSecretForms))]
  if (forms.length === 0) return unmasked
  const pattern = new RegExp(forms.join('|'), 'g')
  const maskBroken = maskBrokenBase64(parts.flatMap(makeBase64Pieces))
  return (text) => maskBroken(text).replace(pattern, '***')
}

/** Longer lines are cut in logs, in characters. */
const MAX_LINE = 64 * 1024
/** The longest form of a secret that a cut may go through. */
const MARGIN = 16 * 1024

/** A line before it is cut. `dropped`: how many characters of its end were not kept. */
export interface UncutLine {
  text: string
  dropped?: number
}

/** As much of a text as its line in the log can need, before secrets are masked. */
export function cutLogLine(text: string): UncutLine {
  const dropped = text.length - MAX_LINE - MARGIN
  return dropped > 0 ? { text: text.slice(0, MAX_LINE + MARGIN), dropped } : { text }
}

/** A line for the log, without secrets; if it is cut it says how much is missing. */
function maskedLine({ text, dropped = 0 }: UncutLine, mask: Mask): string {
  const masked = mask(text)
  if (dropped === 0 && masked.length <= MAX_LINE) return masked
  // A secret that was cut in two is not recognised, so the end of what was cut before is left out.
  const whole = dropped === 0 ? masked.length : Math.max(0, masked.length - MARGIN)
  const shown = masked.slice(0, Math.min(MAX_LINE, whole))
  return `${shown}… (${masked.length - shown.length + dropped} more characters)`
}

/** The same for a line with its time and level. */
export const maskLogLine = ({ at, level, ...line }: LogLine & UncutLine, mask: Mask): LogLine => ({
  at,
  level,
  text: maskedLine(line, mask),
})

const MAX_MESSAGE = 500
const MAX_STACK = 4_000

/** A failure without secrets, small enough for a record; masked before it is cut, so that no half secret is left. */
export function maskAttemptFailure(failure: Failure, mask: Mask): Failure {
  const { outcome, message, stack } = failure
  return {
    outcome,
    message: cut(mask(message), MAX_MESSAGE),
    ...(stack === undefined ? {} : { stack: cut(mask(stack), MAX_STACK) }),
  }
}

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

/** What a body reports of itself, without secrets. */
export function maskProgressReport(progress: Progress, mask: Mask): Progress {
  return progress.text === undefined ? progress : { ...progress, text: mask(progress.text) }
}
