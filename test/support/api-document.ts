import { describeHttpApi } from '../../src/http/openapi.ts'

/** `docs/openapi.json`, made from the shapes of Control. `npm run docs:api` writes it. */
export const apiDocument = (): string => `${JSON.stringify(describeHttpApi(), null, 2)}\n`

if (import.meta.main) process.stdout.write(apiDocument())
