import {
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  type SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn'

/** Executions of state machines: the face of runs in the AWS console. */
export interface Executions {
  /** Starts one; false if there is (or was) one of this name already. */
  start(machine: string, name: string, input: unknown): Promise<boolean>
  /** Ends one well; its output is what is given. One that has ended already is fine. */
  succeed(token: string, output: unknown): Promise<void>
  fail(token: string, error: string, cause: string): Promise<void>
}

/** Limits of SendTaskFailure and SendTaskSuccess: https://docs.aws.amazon.com/step-functions/latest/apireference */
const MAX_ERROR = 256
const MAX_CAUSE = 32_768
const MAX_OUTPUT_BYTES = 262_144

/** Executions in Step Functions. */
export function makeExecutions(client: SFNClient): Executions {
  return {
    async start(stateMachineArn, name, input) {
      try {
        await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }))
        return true
      } catch (error) {
        if (error instanceof ExecutionAlreadyExists) return false
        throw error
      }
    },
    async succeed(taskToken, value) {
      const output = JSON.stringify(value)
      if (Buffer.byteLength(output) > MAX_OUTPUT_BYTES) throw new Error('the summary of a run is too large')
      await ignoreEndedTokens(() => client.send(new SendTaskSuccessCommand({ taskToken, output })))
    },
    async fail(taskToken, error, cause) {
      const input = { taskToken, error: error.slice(0, MAX_ERROR), cause: cause.slice(0, MAX_CAUSE) }
      await ignoreEndedTokens(() => client.send(new SendTaskFailureCommand(input)))
    },
  }
}

/** A token that is not known any more has been answered, or its execution has been stopped. */
async function ignoreEndedTokens(answer: () => Promise<unknown>): Promise<void> {
  try {
    await answer()
  } catch (error) {
    const isOver = [InvalidToken, TaskDoesNotExist, TaskTimedOut].some((type) => error instanceof type)
    if (!isOver) throw error
  }
}
