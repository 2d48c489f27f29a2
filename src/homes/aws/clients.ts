import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { PATIENT } from './patience.ts'

/** Clients that most parts of a deployment need. */
export const makeAwsClients = () => ({
  dynamodb: new DynamoDBClient(PATIENT),
  // Targets may be in a bucket of another region, which S3 tells.
  s3: new S3Client({ ...PATIENT, followRegionRedirects: true }),
  sqs: new SQSClient(PATIENT),
  secretsManager: new SecretsManagerClient(PATIENT),
})
