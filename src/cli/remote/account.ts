import {
  CreateServiceLinkedRoleCommand,
  GetRoleCommand,
  IAMClient,
  NoSuchEntityException,
} from '@aws-sdk/client-iam'
import { HeadBucketCommand, NotFound, S3Client } from '@aws-sdk/client-s3'
import { readErrorMessage, readErrorName, SluiceError } from '../../core/errors.ts'
import type { DeployedEnvironment } from '../../define/deployed-environment.ts'
import type { Project } from '../../project/load-config.ts'

/** The role by which ECS acts in an account: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html */
const ECS_ROLE = 'AWSServiceRoleForECS'
const ECS = 'ecs.amazonaws.com'

/** Looks, before anything is built, whether the account has what a deployment cannot make itself. */
export async function prepareAccount(
  project: Project,
  environment: DeployedEnvironment,
  say: (line: string) => void,
): Promise<void> {
  await lookForBuckets(environment, say)
  const hasContainers = Object.values(project.pools).some(({ runsOn }) => runsOn === 'fargate')
  if (hasContainers) await makeEcsRole(new IAMClient({ region: environment.region }), say)
}

/**
 * The first cluster of an account fails without the role, and takes the whole deployment back. If it may not be looked
 * at or made, that is told, and the deployment goes on: most accounts have it.
 */
export async function makeEcsRole(iam: IAMClient, say: (line: string) => void): Promise<void> {
  try {
    await iam.send(new GetRoleCommand({ RoleName: ECS_ROLE }))
    return
  } catch (error) {
    if (!(error instanceof NoSuchEntityException))
      return say(
        `Whether the account has the role ${ECS_ROLE} cannot be looked at: ${readErrorMessage(error)}. ${BY_HAND}`,
      )
  }
  try {
    await iam.send(new CreateServiceLinkedRoleCommand({ AWSServiceName: ECS }))
    say(`Made the role ${ECS_ROLE}, which the first containers of an account need.`)
  } catch (error) {
    say(`The account has no role ${ECS_ROLE}, and it cannot be made: ${readErrorMessage(error)}. ${BY_HAND}`)
  }
}

const BY_HAND = `Without it containers are refused; an administrator makes it: aws iam create-service-linked-role --aws-service-name ${ECS}`

/** Targets have a bucket; one that is only read may come later. The region of each is found when it is used. */
async function lookForBuckets(
  { region, storage, reads = [] }: DeployedEnvironment,
  say: (line: string) => void,
): Promise<void> {
  const s3 = new S3Client({ region, followRegionRedirects: true })
  const bucketOf = (uri: string) => new URL(uri).host
  for (const bucket of new Set(reads.map(bucketOf)))
    if (!(await doesBucketExist(s3, bucket))) say(`There is no bucket ${bucket} yet, which \`reads\` names.`)
  if (storage === undefined || (await doesBucketExist(s3, bucketOf(storage)))) return
  throw new SluiceError('invalid_deployment', `There is no bucket ${bucketOf(storage)}.`, {
    hint: 'Make it, or correct `storage` of the environment.',
  })
}

/** A bucket that may not be looked at is there. */
async function doesBucketExist(s3: S3Client, Bucket: string): Promise<boolean> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket }))
  } catch (error) {
    if (error instanceof NotFound || readErrorName(error) === 'NoSuchBucket') return false
  }
  return true
}
