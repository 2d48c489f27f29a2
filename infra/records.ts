import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { OBJECTS, STAGED, TABLE } from '../src/core/names.ts'

const PLANS_KEPT = Duration.days(90)
const STAGED_KEPT = Duration.days(7)

/** The stateful resources: the table of records, and the bucket of plans and, by default, targets. */
export class Records extends Construct {
  readonly table: dynamodb.Table
  readonly bucket: s3.Bucket

  constructor(scope: Construct, id: string) {
    super(scope, id)
    this.table = new dynamodb.Table(this, 'Table', {
      partitionKey: { name: TABLE.partitionKey, type: dynamodb.AttributeType.STRING },
      sortKey: { name: TABLE.sortKey, type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      stream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
      timeToLiveAttribute: TABLE.expiresAt,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    })
    this.table.addGlobalSecondaryIndex({
      indexName: TABLE.dueIndex,
      partitionKey: { name: TABLE.dueShard, type: dynamodb.AttributeType.NUMBER },
      sortKey: { name: TABLE.dueAt, type: dynamodb.AttributeType.NUMBER },
      projectionType: dynamodb.ProjectionType.KEYS_ONLY,
    })
    this.bucket = new s3.Bucket(this, 'Bucket', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [
        { prefix: OBJECTS.plans, expiration: PLANS_KEPT },
        { prefix: `${OBJECTS.targets}/${STAGED}`, expiration: STAGED_KEPT },
        { abortIncompleteMultipartUploadAfter: STAGED_KEPT },
      ],
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }
}
