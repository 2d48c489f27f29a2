import { Duration } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import * as scheduler from 'aws-cdk-lib/aws-scheduler'
import type * as sqs from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { makeMachineArn } from './constructs/arns.ts'
import { combineGrants } from './constructs/grants.ts'
import { allowActions } from './constructs/permissions.ts'
import type { Foundation } from './foundation.ts'
import type { Layout } from './layout.ts'

/** The function that starts missing intervals, and the clock that calls it and the tick. */
export class Scheduling {
  readonly function: lambda.Function

  constructor(foundation: Foundation, tick: lambda.Function) {
    const { scope, layout, permissions, queues, machineNames } = foundation
    this.function = foundation.addFunction('schedule', {
      description: 'Starts the intervals of schedules that are missing',
      settings: { machines: makeMachineArn(scope, layout.prefix) },
      allows: combineGrants(permissions.records(), permissions.startRuns(machineNames)),
      timeout: Duration.minutes(5),
    })
    new Schedules(scope, 'Schedules', {
      scheduleArn: this.function.functionArn,
      tickArn: tick.functionArn,
      deadLetters: queues.schedules,
      layout,
    })
  }
}

/** Input of the schedules. */
export interface SchedulesProps {
  scheduleArn: string
  tickArn: string
  deadLetters: sqs.Queue
  layout: Layout
}

/**
 * The clock of a deployment, in its own schedule group: three schedules for any number of pipelines. Cron expressions
 * and time zones of pipelines never reach EventBridge, because its grammar and daylight saving differ. Each minute the
 * function looks which schedules of pipelines have fired.
 */
export class Schedules extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { scheduleArn, tickArn, deadLetters, layout: { anyPrefix } }: SchedulesProps,
  ) {
    super(scope, id)
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com'),
    })
    role.addToPolicy(allowActions(['lambda:InvokeFunction'], [scheduleArn, tickArn]))
    role.addToPolicy(allowActions(['sqs:SendMessage'], [deadLetters.queueArn]))
    const groupName = `${anyPrefix}schedules`
    const group = new scheduler.CfnScheduleGroup(this, 'Group', { name: groupName })
    const add = (name: string, arn: string, input: object, when: string) => {
      const schedule = new scheduler.CfnSchedule(this, name, {
        name,
        groupName,
        scheduleExpression: when,
        flexibleTimeWindow: { mode: 'OFF' },
        target: {
          arn,
          roleArn: role.roleArn,
          input: JSON.stringify(input),
          deadLetterConfig: { arn: deadLetters.queueArn },
          retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 900 },
        },
      })
      schedule.node.addDependency(group, role)
    }
    add('Tick', tickArn, {}, 'rate(1 minute)')
    // At the beginning of each minute, when most schedules fire.
    add('Firings', scheduleArn, { only: 'fired' }, 'cron(* * * * ? *)')
    // Starts missed intervals, and opens failed intervals again.
    add('Intervals', scheduleArn, {}, 'rate(5 minutes)')
  }
}
