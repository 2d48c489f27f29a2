import type { Stack } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as sqs from 'aws-cdk-lib/aws-sqs'
import type { Records } from './records.ts'

/** `bucket` and `prefix` of `s3://bucket/prefix`; the prefix is empty or ends with a slash. */
export function s3Parts(uri: string): { bucket: string; prefix: string } {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri) ?? []
  return { bucket, prefix: path === '' ? '' : `${path.replace(/\/$/, '')}/` }
}

/** Policy statements, each of which allows one thing on the resources of one deployment. */
export class Permissions {
  readonly #stack: Stack
  readonly #records: Records

  constructor(stack: Stack, records: Records) {
    this.#stack = stack
    this.#records = records
  }

  /** Records, and what is due of them. */
  records(): iam.PolicyStatement[] {
    const { tableArn } = this.#records.table
    return [
      allow(
        ['BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'].map(
          (action) => `dynamodb:${action}`,
        ),
        [tableArn],
      ),
      allow(['dynamodb:Query'], [`${tableArn}/index/due`]),
    ]
  }

  plans(access: 'read' | 'write'): iam.PolicyStatement[] {
    return this.objects(this.#records.bucket.bucketName, 'plans/', access)
  }

  /** Objects below a prefix; `write` can list, read, put and remove. */
  objects(bucket: string, prefix: string, access: 'read' | 'write'): iam.PolicyStatement[] {
    const arn = this.#stack.formatArn({ service: 's3', region: '', account: '', resource: bucket })
    const actions = [
      's3:GetObject',
      ...(access === 'write' ? ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'] : []),
    ]
    return [allow(actions, [`${arn}/${prefix}*`]), allow(['s3:ListBucket'], [arn], belowPrefix(prefix))]
  }

  send(queues: sqs.IQueue[]): iam.PolicyStatement[] {
    return queues.length === 0 ? [] : [allow(['sqs:SendMessage'], arnsOf(queues))]
  }

  take(queues: sqs.IQueue[]): iam.PolicyStatement[] {
    const actions = ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes']
    return [
      allow(
        actions.map((action) => `sqs:${action}`),
        arnsOf(queues),
      ),
    ]
  }

  measure(queues: sqs.IQueue[]): iam.PolicyStatement[] {
    return queues.length === 0 ? [] : [allow(['sqs:GetQueueAttributes'], arnsOf(queues))]
  }

  /** Values of secrets of this deployment; Secrets Manager adds six characters to each name. */
  secrets(names: string[], prefix: string, access: 'read' | 'write'): iam.PolicyStatement[] {
    if (names.length === 0) return []
    const action = access === 'read' ? 'secretsmanager:GetSecretValue' : 'secretsmanager:PutSecretValue'
    const arnOf = (name: string) =>
      this.#stack.formatArn({ service: 'secretsmanager', resource: `secret:${prefix}${name}-??????` })
    return [allow([action], names.map(arnOf))]
  }

  startRuns(machines: string[]): iam.PolicyStatement[] {
    return [allow(['states:StartExecution'], machines)]
  }

  answerRuns(machines: string[]): iam.PolicyStatement[] {
    return [allow(['states:SendTaskSuccess', 'states:SendTaskFailure'], machines)]
  }

  readLogs(groups: string[]): iam.PolicyStatement[] {
    return groups.length === 0 ? [] : [allow(['logs:FilterLogEvents'], groups)]
  }
}

const arnsOf = (queues: sqs.IQueue[]) => queues.map(({ queueArn }) => queueArn)

/**
 * Lists only below a prefix. The permission also makes S3 say "not there" instead of "forbidden" to a look at one object,
 * a request that has no prefix: hence "if exists".
 */
const belowPrefix = (prefix: string) =>
  prefix === '' ? undefined : { StringLikeIfExists: { 's3:prefix': [`${prefix}*`] } }

/** Allows actions on resources. */
export const allow = (
  actions: string[],
  resources: string[],
  conditions?: { [operator: string]: unknown },
): iam.PolicyStatement =>
  new iam.PolicyStatement({ actions, resources, ...(conditions === undefined ? {} : { conditions }) })
