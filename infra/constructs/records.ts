import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'

/** The index on due records; src/adapters/dynamodb/table.ts describes the same table. */
const DUE_INDEX = 'due'
const PLANS_KEPT = Duration.days(90)
const STAGED_KEPT = Duration.days(7)

/** The stateful resources: the table of records, and the bucket of plans and, by default, targets. */
export class Records extends Construct {
  readonly table: dynamodb.Table
  readonly bucket: s3.Bucket

  constructor(scope: Construct, id: string) {
    super(scope, id)
    this.table = new dynamodb.Table(this, 'Table', {
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      stream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
      timeToLiveAttribute: 'expiresAt',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    })
    this.table.addGlobalSecondaryIndex({
      indexName: DUE_INDEX,
      partitionKey: { name: 'dueShard', type: dynamodb.AttributeType.NUMBER },
      sortKey: { name: 'dueAt', type: dynamodb.AttributeType.NUMBER },
      projectionType: dynamodb.ProjectionType.KEYS_ONLY,
    })
    this.bucket = new s3.Bucket(this, 'Bucket', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [
        { prefix: 'plans/', expiration: PLANS_KEPT },
        { prefix: 'targets/.staged/', expiration: STAGED_KEPT },
        { abortIncompleteMultipartUploadAfter: STAGED_KEPT },
      ],
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }
}
