import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'

/**
 * How every client of AWS tries again: more often than by default, and slower when it is throttled, with back-off and
 * jitter (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
 */
export const PATIENT = { maxAttempts: 8, retryMode: 'standard' } as const

/** Clients that most parts of a deployment need. */
export const clients = () => ({
  dynamodb: new DynamoDBClient(PATIENT),
  s3: new S3Client(PATIENT),
  sqs: new SQSClient(PATIENT),
  secretsManager: new SecretsManagerClient(PATIENT),
})
