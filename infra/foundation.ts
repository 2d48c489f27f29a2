import { type Duration, Stack } from 'aws-cdk-lib'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { makeProgramsQueueName, OBJECTS, TASKS_MACHINE } from '../src/core/names.ts'
import { parseS3Prefix } from '../src/core/s3-uri.ts'
import type { Decider } from '../src/define/deployment-options.ts'
import {
  type Part,
  SETTINGS_OF,
  type Setting,
  type SHARED_SETTINGS,
  toSettingVariable,
} from '../src/homes/aws/environment.ts'
import { LAUNCH_TIMEOUT, LONGEST_TIMEOUT, OwnFunction } from './constructs/function.ts'
import type { Grants } from './constructs/grants.ts'
import { Permissions } from './constructs/permissions.ts'
import { Layout } from './layout.ts'
import type { DeployedProject } from './project.ts'
import { Queues } from './queues.ts'
import { Records } from './records.ts'

/** Settings of one part beside those that every part reads. */
export type OwnSettings<P extends Part> = {
  [S in Exclude<(typeof SETTINGS_OF)[P][number], (typeof SHARED_SETTINGS)[number]>]: string
}

/** One of Sluice's own functions, as its feature describes it. */
export interface FeatureFunction<P extends Decider> {
  description: string
  settings: OwnSettings<P>
  allows: Grants
  timeout: Duration
  /** @default 512 */
  memoryMb?: number
}

const DEFAULT_RETENTION_DAYS = 30

/**
 * Resources that all features of a deployment share: records, queues, and the names that come from its layout. Features are
 * no constructs of their own but add to one scope, because the ids of a deployed stack's tables, queues and log groups
 * must not change.
 */
export class Foundation {
  readonly scope: Construct
  readonly project: DeployedProject
  readonly layout: Layout
  readonly records: Records
  readonly queues: Queues
  readonly permissions: Permissions
  /** `s3://bucket/prefix` of the targets. */
  readonly storage: string
  /** Prefix of the names of secrets. */
  readonly secretsPrefix: string

  constructor(scope: Construct, project: DeployedProject) {
    this.scope = scope
    this.project = project
    this.records = new Records(scope, 'Records')
    this.layout = new Layout(scope, project)
    this.queues = new Queues(scope, 'Queues', {
      layout: this.layout,
      pools: Object.keys(project.pools),
      functionTimeout: LONGEST_TIMEOUT,
      programs: listProgramQueues(project),
      launchTimeout: LAUNCH_TIMEOUT,
    })
    this.permissions = new Permissions(Stack.of(scope), this.records)
    this.storage = project.environment.storage ?? `s3://${this.records.bucket.bucketName}/${OBJECTS.targets}`
    this.secretsPrefix = `${this.layout.stackName}/`
  }

  /** How long log groups keep lines. */
  get logRetentionDays(): number {
    return this.project.environment.logRetentionDays ?? DEFAULT_RETENTION_DAYS
  }

  /**
   * Names of the state machines of the deployment: each by name, because `data-*` would name those of a stack `data-eu` too. In
   * the larger layout they are one name with a wildcard, because there may be thousands.
   */
  get machineNames(): string[] {
    const { isSpread, prefix } = this.layout
    if (isSpread) return [`${prefix}*`]
    return [...this.project.pipelines.map(({ name }) => `${prefix}${name}`), `${prefix}${TASKS_MACHINE}`]
  }

  /** Makes one of Sluice's own functions, with exactly the settings that it reads. */
  addFunction<P extends Decider>(
    part: P,
    { settings, memoryMb, ...props }: FeatureFunction<P>,
  ): lambda.Function {
    const { functions, environment } = this.project
    const folder = functions[part]
    if (folder === undefined) throw new Error(`the function ${part} was not bundled`)
    return new OwnFunction(this.scope, part, {
      ...props,
      folder,
      module: `${part}/index`,
      environment: this.variablesOf(part, settings),
      logRetentionDays: this.logRetentionDays,
      ...(memoryMb === undefined ? {} : { memoryMb }),
      reserved: environment.reservedConcurrency?.[part],
    }).function
  }

  /** The environment variables of one part: those of the config, and exactly the settings that the part reads. */
  variablesOf<P extends Part>(part: P, own: OwnSettings<P>): { [name: string]: string } {
    const values = { ...this.sharedSettings(), ...own } as { [S in Setting]?: string }
    const settings = SETTINGS_OF[part].map((setting) => [toSettingVariable(setting), values[setting] ?? ''])
    return { ...this.project.environment.variables, ...Object.fromEntries(settings) }
  }

  private sharedSettings(): { [S in (typeof SHARED_SETTINGS)[number]]: string } {
    return {
      environment: this.project.name,
      stack: this.layout.stackName,
      table: this.records.table.tableName,
      bucket: this.records.bucket.bucketName,
      storage: this.storage,
      secrets: this.secretsPrefix,
      code: this.project.code,
      queues: Stack.of(this.scope).toJsonString(this.queues.urls),
    }
  }

  /** Permissions for records, plans, and whether targets exist. */
  allowLooking(plans: 'read' | 'write', ...uses: ('list' | 'remove')[]): iam.PolicyStatement[] {
    const { bucket, prefix } = parseS3Prefix(this.storage)
    return [
      ...this.permissions.records(...uses),
      ...this.permissions.plans(plans),
      ...this.permissions.objects(bucket, prefix, 'read'),
      ...this.allowReading(),
    ]
  }

  /** Permissions for further objects that the environment lets tasks read. */
  allowReading(): iam.PolicyStatement[] {
    return (this.project.environment.reads ?? []).flatMap((uri) => {
      const { bucket, prefix } = parseS3Prefix(uri)
      return this.permissions.objects(bucket, prefix, 'read')
    })
  }

  /** Permissions for sending messages to every pool. */
  allowSending(): iam.PolicyStatement[] {
    return this.permissions.send(this.queues.arnsOf([...this.queues.pools.keys()]))
  }
}

/** Queues of pools that have containers or jobs of EMR beside other tasks. */
const listProgramQueues = ({ programs, jobs }: DeployedProject): string[] => [
  ...new Set([...programs.map(({ pool }) => pool), ...jobs.pools].map(makeProgramsQueueName)),
]
