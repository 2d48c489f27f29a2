import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import type { Build } from './build.ts'

/** Clients that most parts of a deployment need. */
export const makeAwsClients = ({ client }: Pick<Build, 'client'>) => ({
  dynamodb: new DynamoDBClient(client),
  // Targets may be in a bucket of another region, which S3 tells.
  s3: new S3Client({ ...client, followRegionRedirects: true }),
  sqs: new SQSClient(client),
  secretsManager: new SecretsManagerClient(client),
})
