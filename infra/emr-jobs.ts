import { AssetHashType, Stack } from 'aws-cdk-lib'
import { CfnApplication } from 'aws-cdk-lib/aws-emrserverless'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as logs from 'aws-cdk-lib/aws-logs'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { Construct } from 'constructs'
import { mustHave } from '../src/core/must-have.ts'
import { makeApplicationName, OWN_CLUSTER, STACK_TAG } from '../src/core/names.ts'
import { parseS3Prefix } from '../src/core/s3-uri.ts'
import type { EmrApplication } from '../src/define/emr-application.ts'
import { combineGrants, grantToRole } from './constructs/grants.ts'
import { allowActions } from './constructs/permissions.ts'
import { allowLookingAtSteps, allowSteps } from './emr-steps.ts'
import type { Foundation } from './foundation.ts'
import type { DeployedPool } from './project.ts'
import type { DeployedJobs } from './read-jobs.ts'

/** An application that has had nothing to do for this time stops, and costs nothing then. */
const IDLE_MINUTES = 15
const SERVICE = 'emr-serverless.amazonaws.com'

/** The jobs of EMR: applications, the files that jobs run, and one role for the jobs of EMR Serverless of each pool. */
export class EmrJobs extends Construct {
  /** Ids of applications, by the names by which jobs know them. */
  readonly applications: { [name: string]: string } = {}
  /** Pools with jobs. */
  readonly pools: readonly string[]
  readonly roles = new Map<string, iam.Role>()
  readonly #foundation: Foundation
  readonly #logGroups: ReadonlyMap<string, logs.LogGroup>
  readonly #files: Asset[]
  readonly #clusters: DeployedJobs['clusters']

  constructor(
    scope: Construct,
    id: string,
    { foundation, logGroups }: { foundation: Foundation; logGroups: ReadonlyMap<string, logs.LogGroup> },
  ) {
    super(scope, id)
    this.#foundation = foundation
    this.#logGroups = logGroups
    const { jobs, pools } = foundation.project
    this.pools = jobs.pools
    const tags = { [STACK_TAG]: foundation.layout.stackName }
    this.#clusters = jobs.clusters.map((cluster) =>
      cluster.target === OWN_CLUSTER ? { ...cluster, tags } : cluster,
    )
    for (const [name, application] of Object.entries(jobs.applications))
      this.applications[name] = this.addApplication(name, application)
    for (const application of jobs.foreign) this.applications[application] = application
    this.#files = Object.values(jobs.files).map(
      ({ path, hash }) =>
        new Asset(this, `File-${hash.slice(0, 16)}`, {
          path,
          assetHash: hash,
          assetHashType: AssetHashType.CUSTOM,
        }),
    )
    for (const pool of jobs.rolePools)
      this.roles.set(pool, this.addRole(pool, mustHave(pools[pool], `the pool ${pool}`)))
  }

  /** The clusters that run steps, as their launcher knows them. */
  get clusters(): string[] {
    return [...new Set(this.#clusters.map(({ target }) => target))]
  }

  /** What jobs are launched with, as functions are told it. */
  describe(): string {
    const [file] = this.#files
    const [key = ''] = file === undefined ? [] : [file.s3ObjectKey]
    const byPool = <T>(of: (pool: string) => T) =>
      Object.fromEntries([...this.roles.keys()].map((pool) => [pool, of(pool)]))
    return Stack.of(this).toJsonString({
      applications: this.applications,
      clusters: this.clusters,
      roles: byPool((pool) => this.roles.get(pool)?.roleArn),
      logGroups: byPool((pool) => this.logGroupOf(pool).logGroupName),
      files: file === undefined ? '' : `s3://${file.s3BucketName}/${key.slice(0, key.lastIndexOf('/') + 1)}`,
    })
  }

  /** Permissions for starting jobs, finding what an earlier launcher has started, and stopping it. */
  launchStatements(): iam.PolicyStatement[] {
    const steps = allowSteps(this, this.#clusters)
    if (this.roles.size === 0) return steps
    return [
      ...steps,
      allowActions(['emr-serverless:StartJobRun', 'emr-serverless:ListJobRuns'], this.applicationArns()),
      allowActions(['emr-serverless:CancelJobRun'], this.jobRunArns()),
      allowActions(
        ['iam:PassRole'],
        [...this.roles.values()].map(({ roleArn }) => roleArn),
        { StringEquals: { 'iam:PassedToService': SERVICE } },
      ),
    ]
  }

  /** Permissions for looking at jobs and their targets, and stopping what must not go on; `lists`: also at all that are open. */
  lookStatements({ lists }: { lists: boolean }): iam.PolicyStatement[] {
    const { permissions, storage } = this.#foundation
    const { bucket, prefix } = parseS3Prefix(storage)
    const jobRuns = [
      ...(lists ? [allowActions(['emr-serverless:ListJobRuns'], this.applicationArns())] : []),
      allowActions(['emr-serverless:GetJobRun', 'emr-serverless:CancelJobRun'], this.jobRunArns()),
    ]
    return [
      ...(this.roles.size === 0 ? [] : jobRuns),
      ...allowLookingAtSteps(this, this.#clusters, { lists }),
      ...permissions.objects(bucket, prefix, 'read'),
    ]
  }

  private applicationArns(): string[] {
    return Object.values(this.applications).map((id) =>
      Stack.of(this).formatArn({ service: 'emr-serverless', resource: '/applications', resourceName: id }),
    )
  }

  private jobRunArns(): string[] {
    return this.applicationArns().map((arn) => `${arn}/jobruns/*`)
  }

  private addApplication(name: string, application: EmrApplication): string {
    const { release, architecture = 'x86_64', maximumCapacity } = application
    const { attrApplicationId } = new CfnApplication(this, `Application-${name}`, {
      type: 'SPARK',
      name: makeApplicationName(this.#foundation.layout.stackName, name),
      releaseLabel: release,
      architecture: architecture.toUpperCase(),
      autoStartConfiguration: { enabled: true },
      autoStopConfiguration: { enabled: true, idleTimeoutMinutes: IDLE_MINUTES },
      ...(maximumCapacity === undefined
        ? {}
        : {
            maximumCapacity: {
              cpu: `${maximumCapacity.vcpu} vCPU`,
              memory: `${maximumCapacity.memoryGb} GB`,
              ...(maximumCapacity.diskGb === undefined ? {} : { disk: `${maximumCapacity.diskGb} GB` }),
            },
          }),
    })
    return attrApplicationId
  }

  /** Jobs of a pool reach the targets, their own files and secrets, and what the pool allows; no records. */
  private addRole(name: string, { allows = [], policies = [] }: DeployedPool): iam.Role {
    const { permissions, storage, secretsPrefix, project } = this.#foundation
    const { bucket, prefix } = parseS3Prefix(storage)
    const secrets = permissions.readSecrets(project.jobs.roleSecrets[name] ?? [], secretsPrefix)
    const role = new iam.Role(this, `${name}-JobRole`, {
      assumedBy: new iam.ServicePrincipal(SERVICE, {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    })
    const { logGroupArn } = this.logGroupOf(name)
    const files = this.#files.map((file) => file.bucket.arnForObjects(file.s3ObjectKey))
    const statements = [
      ...permissions.objects(bucket, prefix, 'write'),
      ...this.#foundation.allowReading(),
      ...(files.length === 0 ? [] : [allowActions(['s3:GetObject'], files)]),
      allowActions(['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'], [logGroupArn]),
      // EMR asks whether the log group is there.
      allowActions(['logs:DescribeLogGroups'], ['*']),
      ...allows.map((each) => new iam.PolicyStatement(each)),
    ]
    grantToRole(role, { ...combineGrants(statements, secrets), policies })
    return role
  }

  private logGroupOf(pool: string): logs.LogGroup {
    return mustHave(this.#logGroups.get(pool), `the log group of ${pool}`)
  }
}

/** What functions are told if a deployment has no jobs of EMR. */
export const describeJobs = ({ scope }: Foundation, jobs: EmrJobs | undefined): string =>
  jobs?.describe() ??
  Stack.of(scope).toJsonString({ applications: {}, clusters: [], roles: {}, logGroups: {}, files: '' })
