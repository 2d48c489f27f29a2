import { ArnFormat, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** The ARN of a state machine by its name, because functions and machines name each other. */
export const makeMachineArn = (scope: Construct, name: string): string =>
  Stack.of(scope).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
