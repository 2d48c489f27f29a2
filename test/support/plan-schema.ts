import { makePlanSchema } from '../../src/planning/plan-format.ts'

/** `docs/plan.schema.json`, made from the schemas that read plans. `npm run docs:plan` writes it. */
export const planSchemaFile = (): string => `${JSON.stringify(makePlanSchema(), null, 2)}\n`

if (import.meta.main) process.stdout.write(planSchemaFile())
