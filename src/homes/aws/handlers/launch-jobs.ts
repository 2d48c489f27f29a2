import { posix } from 'node:path'
import type { PlannedJob } from '../../../core/plan.ts'
import {
  type JobDetails,
  makeTraceParent,
  type SparkDetails,
  type StepDetails,
} from '../../../core/program.ts'
import type { ClaimedAttempt } from '../../../engine/claim.ts'
import type { Launching } from '../../../engine/context.ts'
import type { LaunchParts } from '../../../engine/launch.ts'
import { type BundledPrograms, findBundledJob, getJobService } from '../../../project/bundled.ts'
import type { Settings } from '../environment.ts'

type Emr = Settings<'emr'>['emr']

/** EMR takes no less: the engine itself stops a job in time, and this ends it if nothing else does. */
const LEAST_MINUTES = 5
const GRACE_MINUTES = 15
/** Seven days: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html */
const MOST_MINUTES = 10_080

/** The application or the cluster of a job. */
export const makeJobPlaces =
  (programs: BundledPrograms, { applications }: Emr): NonNullable<Launching['placeOf']> =>
  ({ family }) => {
    const job = findBundledJob(programs, family)
    const target = job?.cluster ?? applications[job?.application ?? '']
    return job && target ? { service: getJobService(job), target } : undefined
  }

/** What the job run of an attempt is launched with; names of secrets in Secrets Manager begin with `secretsPrefix`. */
export const makeJobDetails =
  (programs: BundledPrograms, emr: Emr, secretsPrefix: string): LaunchParts<JobDetails>['makeDetails'] =>
  (claimed) => {
    const { family, policy } = claimed.planned
    const { pool = '' } = findBundledJob(programs, family) ?? {}
    const role = emr.roles[pool]
    const logGroup = emr.logGroups[pool]
    if (role === undefined || logGroup === undefined)
      return { problem: `the deployment no longer runs ${family} as a job of EMR Serverless` }
    const made = makeSparkDetails(programs, emr, claimed, { nameSetting: nameDriverVariable, secretsPrefix })
    if ('problem' in made) return made
    const { timeoutMs } = policy
    const timeout = timeoutMs === undefined ? {} : { timeoutMinutes: toMinutes(timeoutMs) }
    return { details: { ...made.details, role, logGroup, ...timeout } }
  }

/** What the step of an attempt is launched with. */
export const makeStepDetails =
  (programs: BundledPrograms, emr: Emr, secretsPrefix: string): LaunchParts<StepDetails>['makeDetails'] =>
  (claimed) => {
    const { family } = claimed.planned
    const bundled = findBundledJob(programs, family)
    if (bundled?.cluster === undefined)
      return { problem: `the deployment no longer runs ${family} as a step of a cluster` }
    const made = makeSparkDetails(programs, emr, claimed, { nameSetting: nameStepSetting, secretsPrefix })
    if ('problem' in made) return made
    const { role, own, logs } = bundled
    return {
      details: {
        ...made.details,
        ...(role === undefined ? {} : { role }),
        ...(own === undefined ? {} : { cluster: own }),
        ...(own === undefined || logs === undefined ? {} : { logs }),
      },
    }
  }

/** How a program is told which attempt it is, and where its secrets are. */
interface Telling {
  nameSetting(variable: string): string
  secretsPrefix: string
}

/** The program of an attempt with the files of the deployment. */
function makeSparkDetails(
  programs: BundledPrograms,
  { files: base }: Emr,
  claimed: ClaimedAttempt,
  telling: Telling,
): { details: SparkDetails } | { problem: string } {
  const { job, family } = claimed.planned
  const bundled = findBundledJob(programs, family)
  if (job === undefined) return { problem: `${family} was planned as no job of EMR; run its pipeline again` }
  const files = [job.script, ...(job.pyFiles ?? [])].map((path) => ({ path, uri: locateFile(path) }))
  const missing = files.flatMap(({ path, uri }) => (uri === undefined ? [path] : []))
  if (missing.length > 0)
    return {
      problem: `${missing.join(', ')} is not part of the deployment; name it in \`files\` of ${family}, and deploy again`,
    }
  const [script = '', ...pyFiles] = files.flatMap(({ uri }) => uri ?? [])
  const odd = pyFiles.find((uri) => /[\s,'"\\]/.test(uri))
  if (odd !== undefined)
    return { problem: `spark-submit takes no URI with blanks, commas or quotes: ${JSON.stringify(odd)}` }
  return {
    details: {
      script,
      arguments: job.arguments ?? [],
      pyFiles,
      properties: makeProperties(claimed, job, telling),
    },
  }

  function locateFile(path: string): string | undefined {
    if (path.includes('://')) return path
    const object = bundled?.files[posix.normalize(path)]
    return object === undefined ? undefined : `${base}${object}`
  }
}

const toMinutes = (ms: number) =>
  Math.min(MOST_MINUTES, Math.max(LEAST_MINUTES, Math.ceil(ms / 60_000) + GRACE_MINUTES))

/** A variable of the driver. */
const nameDriverVariable = (name: string) => `spark.emr-serverless.driverEnv.${name}`
/** The driver of a step has the environment of its cluster, so it is told by settings: `spark.sluice.run`. */
const nameStepSetting = (name: string) => `spark.sluice.${name.replace('SLUICE_', '').toLowerCase()}`

/**
 * The user's settings of Spark, which attempt it is, and where its secrets are. Their values would be shown by EMR and on
 * Spark's own pages, so the program reads them by itself.
 */
function makeProperties(
  { task: { run, attempt }, planned: { label, policy }, nonce }: ClaimedAttempt,
  { spark = {} }: PlannedJob,
  { nameSetting, secretsPrefix }: Telling,
): { [name: string]: string } {
  const variables = {
    SLUICE_RUN: run,
    SLUICE_TASK: label,
    SLUICE_ATTEMPT: String(attempt),
    TRACEPARENT: makeTraceParent({ run, nonce }),
  }
  return {
    ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [nameSetting(name), value])),
    ...Object.fromEntries(
      Object.entries(policy.secrets).map(([name, secret]) => [
        `spark.sluice.secret.${name}`,
        `${secretsPrefix}${secret}`,
      ]),
    ),
    ...spark,
  }
}
