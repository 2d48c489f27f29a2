import { ERRORS } from '../../src/core/errors.ts'

/** `docs/errors.md`, made from the table of errors. `npm run docs:errors` writes it. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { source, retryable, meaning }]) =>
      `| \`${code}\` | ${source === 'user' ? '2' : '3'} | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  )
  return `# Errors

What the command says when it cannot do what was asked: one message, the next step, and with \`--json\` the code on
standard error: \`{"error": …, "message": …, "hint": …}\`. Exit code 2 is for whoever typed it, 3 for the surroundings.
This page is made from \`src/core/errors.ts\`: \`npm run docs:errors\`.

| code | exit | try again | meaning |
|---|---|---|---|
${rows.join('\n')}

A task that fails is no error of the command: it exits 1, and the summary tells the cause.
`
}

if (import.meta.main) process.stdout.write(errorsPage())
