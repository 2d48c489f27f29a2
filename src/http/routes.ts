import type { OperationName, Route } from './route.ts'
import { ACTING } from './routes-acting.ts'
import { DRAWN } from './routes-drawn.ts'
import { LOOKING } from './routes-looking.ts'
import { LUIGID } from './routes-luigid.ts'

/** How HTTP has every operation of {@link Control}. */
export const ROUTES: { [Name in OperationName]: Route<Name> } = { ...LOOKING, ...DRAWN, ...LUIGID, ...ACTING }

/** Every operation, in the order in which the documentation has them. */
export const listOperationNames = (): OperationName[] => Object.keys(ROUTES) as OperationName[]
