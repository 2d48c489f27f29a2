import { SFNClient, type SFNClientConfig } from '@aws-sdk/client-sfn'
import { type Executions, makeExecutions } from './executions.ts'

/** Executions by a client of its own. */
export const openExecutions = (config: SFNClientConfig): Executions => makeExecutions(new SFNClient(config))
