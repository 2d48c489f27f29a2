import type { Stack } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import type { Records } from '../records.ts'
import { makeMachineArn } from './arns.ts'

/** Policy statements, each of which allows one thing on the resources of one deployment. */
export class Permissions {
  readonly #stack: Stack
  readonly #records: Records

  constructor(stack: Stack, records: Records) {
    this.#stack = stack
    this.#records = records
  }

  /**
   * Records. Every part reads, puts and updates them. Only parts that list records may query. Only parts that look for due
   * records may query the index. Only parts that remove waiters or executions from their lists may delete.
   */
  records(...uses: ('list' | 'due' | 'remove')[]): iam.PolicyStatement[] {
    const { tableArn } = this.#records.table
    const actions = [
      'BatchGetItem',
      'PutItem',
      'UpdateItem',
      ...(uses.includes('list') ? ['Query'] : []),
      ...(uses.includes('remove') ? ['DeleteItem'] : []),
    ]
    return [
      allowActions(
        actions.map((action) => `dynamodb:${action}`),
        [tableArn],
      ),
      ...(uses.includes('due') ? [allowActions(['dynamodb:Query'], [`${tableArn}/index/due`])] : []),
    ]
  }

  /** Records that are only read, by their keys. */
  readRecords(): iam.PolicyStatement {
    return allowActions(['dynamodb:BatchGetItem'], [this.#records.table.tableArn])
  }

  /** Plans. A lifecycle rule of the bucket removes them; no function does. */
  plans(access: 'read' | 'write'): iam.PolicyStatement[] {
    const { bucketName } = this.#records.bucket
    return [
      ...this.objects(bucketName, 'plans/', 'read'),
      ...(access === 'write' ? [this.putPlans('*')] : []),
    ]
  }

  /** Yielded tasks: plans beside the run's plan, named by the run, `~` and the task (src/engine/expand.ts). */
  yields(): iam.PolicyStatement[] {
    return [...this.plans('read'), this.putPlans('*~*')]
  }

  private putPlans(names: string): iam.PolicyStatement {
    return allowActions(
      ['s3:PutObject'],
      [`${this.bucketArn(this.#records.bucket.bucketName)}/plans/${names}`],
    )
  }

  private bucketArn(bucket: string): string {
    return this.#stack.formatArn({ service: 's3', region: '', account: '', resource: bucket })
  }

  /** Objects below a prefix; `write` can list, read, put and remove. */
  objects(bucket: string, prefix: string, access: 'read' | 'write'): iam.PolicyStatement[] {
    const arn = this.bucketArn(bucket)
    const actions = [
      's3:GetObject',
      ...(access === 'write' ? ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'] : []),
    ]
    return [
      allowActions(actions, [`${arn}/${prefix}*`]),
      allowActions(['s3:ListBucket'], [arn], belowPrefix(prefix)),
    ]
  }

  send(queues: string[]): iam.PolicyStatement[] {
    return queues.length === 0 ? [] : [allowActions(['sqs:SendMessage'], queues)]
  }

  /** Lambda, which polls a queue in the name of the function, reads its attributes and returns messages. */
  take(queues: string[], by: 'function' | 'container'): iam.PolicyStatement[] {
    const actions = [
      'ReceiveMessage',
      'DeleteMessage',
      ...(by === 'function' ? ['ChangeMessageVisibility', 'GetQueueAttributes'] : []),
    ]
    return [
      allowActions(
        actions.map((action) => `sqs:${action}`),
        queues,
      ),
    ]
  }

  measure(queues: string[]): iam.PolicyStatement[] {
    return queues.length === 0 ? [] : [allowActions(['sqs:GetQueueAttributes'], queues)]
  }

  /** Reads the values of these secrets of the deployment; each statement has as many as fit one policy. */
  readSecrets(names: string[], prefix: string): iam.PolicyStatement[] {
    const statements: iam.PolicyStatement[] = []
    for (const group of splitIntoGroups(names))
      statements.push(
        allowActions(
          ['secretsmanager:GetSecretValue'],
          // Secrets Manager adds six characters to each name.
          group.map((name) => this.secretArn(`${prefix}${name}-??????`)),
        ),
      )
    return statements
  }

  /** Looks whether secrets of the deployment have a value, and reads none. */
  lookAtSecrets(prefix: string): iam.PolicyStatement[] {
    return [allowActions(['secretsmanager:DescribeSecret'], [this.secretArn(`${prefix}*`)])]
  }

  /** Sets all secrets of the deployment. It has a wildcard, because they are many and this permission reads none. */
  setSecrets(prefix: string): iam.PolicyStatement[] {
    return [allowActions(['secretsmanager:PutSecretValue'], [this.secretArn(`${prefix}*`)])]
  }

  private secretArn(name: string): string {
    return this.#stack.formatArn({ service: 'secretsmanager', resource: `secret:${name}` })
  }

  /** Starts executions of these state machines; each statement has as many as fit one policy. */
  startRuns(machines: string[]): iam.PolicyStatement[] {
    return this.onMachines(machines, ['states:StartExecution'])
  }

  /** Answers executions of these state machines; each statement has as many as fit one policy. */
  answerRuns(machines: string[]): iam.PolicyStatement[] {
    return this.onMachines(machines, ['states:SendTaskSuccess', 'states:SendTaskFailure'])
  }

  private onMachines(machines: string[], actions: string[]): iam.PolicyStatement[] {
    return splitIntoGroups(machines).map((group) =>
      allowActions(
        actions,
        group.map((name) => makeMachineArn(this.#stack, name)),
      ),
    )
  }

  readLogs(groups: string[]): iam.PolicyStatement[] {
    return groups.length === 0 ? [] : [allowActions(['logs:FilterLogEvents'], groups)]
  }
}

/** Characters of names for one policy: a policy has 6,144, and an ARN has about 90 beside its name. */
const NAMES_OF_A_POLICY = 4_500
const ARN_CHARACTERS = 95

/** Names in groups that fit a policy each. */
function splitIntoGroups(names: string[]): string[][] {
  const groups: string[][] = []
  let room = 0
  for (const name of names) {
    room -= ARN_CHARACTERS + name.length
    if (room < 0) {
      groups.push([])
      room = NAMES_OF_A_POLICY - ARN_CHARACTERS - name.length
    }
    groups.at(-1)?.push(name)
  }
  return groups
}

/**
 * Lists only below a prefix. The permission also makes S3 answer "not found" instead of "forbidden" for a missing object;
 * that request has no prefix, hence "if exists".
 */
const belowPrefix = (prefix: string) =>
  prefix === '' ? undefined : { StringLikeIfExists: { 's3:prefix': [`${prefix}*`] } }

/** Allows actions on resources. */
export const allowActions = (
  actions: string[],
  resources: string[],
  conditions?: { [operator: string]: unknown },
): iam.PolicyStatement =>
  new iam.PolicyStatement({ actions, resources, ...(conditions === undefined ? {} : { conditions }) })
