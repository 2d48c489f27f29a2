import { z } from 'zod'

/** The deployment that a server asks, and as whom. */
const DeploymentView = z.object({
  environment: z.string().describe('Its name in the config'),
  stack: z.string(),
  region: z.string(),
  account: z.string().nullable(),
  identity: z
    .string()
    .nullable()
    .describe('The ARN that requests are signed as; null while AWS does not tell it'),
})

/** What a page has to know of the server that it asks. */
export const ServerView = z
  .object({
    readOnly: z.boolean().describe('The server refuses every operation that changes something'),
    simulatedUntil: z
      .number()
      .nullable()
      .describe('The last instant of a simulation whose state is shown; null if its runs are real'),
    deployment: DeploymentView.nullable().describe(
      'The deployment that `sluice console` passes requests on to; null if the server answers them itself',
    ),
  })
  .describe('What a server is')

/** What a server tells of itself. */
export type ServerView = z.output<typeof ServerView>
