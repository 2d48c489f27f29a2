import { z } from 'zod'
import { SluiceError } from '../../core/errors.ts'
import { KEPT, SHELL } from '../../core/names.ts'
import { isS3Uri } from '../../core/s3-uri.ts'

/** A JSON value in a variable. */
const jsonOf = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text)
      } catch {
        context.addIssue('is not JSON')
        return z.NEVER
      }
    })
    .pipe(schema)

const byPool = <T extends z.ZodType>(schema: T) => jsonOf(z.record(z.string(), schema))

/** What containers are launched with. */
const WORKERS = z.strictObject({
  cluster: z.string(),
  subnets: z.array(z.string()),
  securityGroups: z.array(z.string()),
  publicIp: z.boolean(),
  /** The families of pools begin so, and end with the pool's name; empty: nothing is launched from here. */
  families: z.string(),
})

/** What jobs of EMR are launched with. */
const EMR = z.strictObject({
  /** Ids of the applications that the deployment has made, by their names, and of others, by themselves. */
  applications: z.record(z.string(), z.string()),
  /** Ids of the clusters that run steps, or what stands for their names. */
  clusters: z.array(z.string()),
  /** ARNs of the roles of jobs, by pool. */
  roles: z.record(z.string(), z.string()),
  /** Names of the log groups, by pool. */
  logGroups: z.record(z.string(), z.string()),
  /** What the URIs of the files of jobs begin with. */
  files: z.string(),
})

/** The attempt that a keeper takes over. */
const HANDOVER = z.strictObject({
  run: z.string(),
  number: z.int(),
  attempt: z.int(),
  token: z.string(),
})

/** The task that a shell stands for. */
const SHELL_OF = z.strictObject({ run: z.string(), number: z.int() })

/** Everything that the stack tells its functions and containers. Names of variables are spelled here, for both sides. */
const SETTINGS = {
  environment: { name: 'SLUICE_ENVIRONMENT', schema: z.string().min(1) },
  stack: { name: 'SLUICE_STACK', schema: z.string().min(1) },
  table: { name: 'SLUICE_TABLE', schema: z.string().min(1) },
  bucket: { name: 'SLUICE_BUCKET', schema: z.string().min(1) },
  storage: { name: 'SLUICE_STORAGE', schema: z.string().refine(isS3Uri, 'must be s3://bucket/prefix') },
  /** URLs by pool; of many pools, what all begin with, as that of `*`. */
  queues: { name: 'SLUICE_QUEUES', schema: byPool(z.url()) },
  secrets: { name: 'SLUICE_SECRETS', schema: z.string().min(1) },
  machines: { name: 'SLUICE_MACHINES', schema: z.string().startsWith('arn:') },
  /** Names by pool; of many pools, what all begin with, as that of `*`. */
  logGroups: { name: 'SLUICE_LOG_GROUPS', schema: byPool(z.string()) },
  workers: { name: 'SLUICE_WORKERS', schema: jsonOf(WORKERS) },
  emr: { name: 'SLUICE_EMR', schema: jsonOf(EMR) },
  launcher: { name: 'SLUICE_LAUNCHER', schema: z.string().min(1) },
  repairQueue: { name: 'SLUICE_REPAIR_QUEUE', schema: z.url() },
  pool: { name: 'SLUICE_POOL', schema: z.string().min(1) },
  memoryMb: { name: 'SLUICE_MEMORY_MB', schema: z.coerce.number().int() },
  idleSeconds: { name: 'SLUICE_IDLE_SECONDS', schema: z.coerce.number().int() },
  /** How many tasks a container runs before it ends; 0: it drains the queue. */
  tasksPerWorker: { name: 'SLUICE_TASKS_PER_WORKER', schema: z.coerce.number().int() },
  /** Of a keeper: what it takes over, as the launcher tells it. */
  handover: { name: KEPT.handover, schema: jsonOf(HANDOVER) },
  /** Of the keeper of a shell: whose program it stands for, as the API tells it. */
  shell: { name: SHELL.variable, schema: jsonOf(SHELL_OF) },
  code: { name: 'SLUICE_CODE', schema: z.string().min(1) },
} as const

/** A setting of the stack. */
export type Setting = keyof typeof SETTINGS
/** Settings as a function reads them. */
export type Settings<S extends Setting> = { [K in S]: z.output<(typeof SETTINGS)[K]['schema']> }

/** Settings that every part reads. */
export const SHARED_SETTINGS = [
  'environment',
  'stack',
  'table',
  'bucket',
  'code',
  'queues',
  'storage',
  'secrets',
] as const satisfies readonly Setting[]

/** Which settings each function, and the container, reads. */
export const SETTINGS_OF = {
  schedule: [...SHARED_SETTINGS, 'machines'],
  plan: SHARED_SETTINGS,
  advance: [...SHARED_SETTINGS, 'repairQueue', 'launcher'],
  'lambda-worker': [...SHARED_SETTINGS, 'pool', 'memoryMb'],
  'launch-workers': [...SHARED_SETTINGS, 'workers'],
  'launch-programs': [...SHARED_SETTINGS, 'workers', 'emr'],
  tick: [...SHARED_SETTINGS, 'repairQueue', 'launcher', 'workers', 'logGroups', 'emr'],
  'job-events': [...SHARED_SETTINGS, 'launcher'],
  api: [...SHARED_SETTINGS, 'machines', 'logGroups', 'workers'],
  worker: [...SHARED_SETTINGS, 'pool', 'memoryMb', 'idleSeconds', 'tasksPerWorker'],
  keeper: [...SHARED_SETTINGS, 'pool', 'handover'],
  'shell-keeper': [...SHARED_SETTINGS, 'pool', 'shell'],
} as const satisfies Record<string, readonly Setting[]>

/** A part of the deployment that is told settings. */
export type Part = keyof typeof SETTINGS_OF
/** The settings of one part. */
export type SettingsOf<P extends Part> = Settings<(typeof SETTINGS_OF)[P][number]>

/** Reads the settings of a part from its environment; says all that is wrong with them at once. */
export function readPartSettings<P extends Part>(
  part: P,
  environment: NodeJS.ProcessEnv = process.env,
): SettingsOf<P> {
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  for (const setting of SETTINGS_OF[part]) {
    const { name, schema } = SETTINGS[setting]
    const parsed = schema.safeParse(environment[name])
    if (parsed.success) values[setting] = parsed.data
    else problems.push(`${name}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`)
  }
  if (problems.length === 0) return values as SettingsOf<P>
  throw new SluiceError(
    'invalid_deployment',
    `The environment of ${part} is wrong:\n- ${problems.join('\n- ')}`,
    {
      hint: 'Deploy again: sluice deploy --env NAME',
    },
  )
}

/** What a setting says for one pool; undefined if it knows no such pool. */
export const findPoolSetting = (byPool: { [pool: string]: string }, pool: string): string | undefined =>
  byPool[pool] ?? (byPool['*'] === undefined ? undefined : `${byPool['*']}${pool}`)

/** The variable of a setting. */
export const toSettingVariable = (setting: Setting): string => SETTINGS[setting].name
