import { ERRORS } from '../../src/core/errors.ts'

/** `docs/errors.md`, made from the table of errors. `npm run docs:errors` writes it. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { source, retryable, meaning }]) =>
      `| \`${code}\` | ${source === 'user' ? '2' : '3'} | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  )
  return `# Errors

When a command cannot do its work, it prints one message and the next step; with \`--json\` it prints the code on standard
error: \`{"error": …, "message": …, "hint": …}\`. Exit code 2 means that the user can correct it, 3 that the system has to.
This page is made from \`src/core/errors.ts\`: \`npm run docs:errors\`.

| code | exit | try again | meaning |
|---|---|---|---|
${rows.join('\n')}

A failed task is no error of the command: the command exits with 1, and its summary shows the cause.
`
}

if (import.meta.main) process.stdout.write(errorsPage())
