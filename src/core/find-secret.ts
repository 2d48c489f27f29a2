import { makeSecretMask } from './mask.ts'

/** Shorter values occur by chance in much text that holds no secret. */
const MIN_FOUND = 8

/**
 * Name of the first secret whose value a text holds, in any form that masking knows; undefined if it holds none. Records and
 * plans are shown as they are, and masking a value would change what the next task reads, so such a text is refused: by
 * `body/execute.ts` for bodies, by `runners/program.ts` for commands and containers, by `runners/program-events.ts` for
 * what a container tells while it runs.
 */
export function findSecretInText(
  text: string,
  secrets: { readonly [name: string]: string },
): string | undefined {
  const found = Object.entries(secrets).find(
    ([, value]) => value.length >= MIN_FOUND && makeSecretMask([value])(text) !== text,
  )
  return found?.[0]
}

/** Says that a text holds a secret, and what to do instead. */
export const describeSecretLeak = (what: string, name: string) =>
  `${what} holds the secret \`${name}\`, and everybody who sees the run can read it there; leave it out, and let each task that needs the secret declare it in \`secrets\``
