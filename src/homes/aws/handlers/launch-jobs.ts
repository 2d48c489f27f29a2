import { posix } from 'node:path'
import type { PlannedJob } from '../../../core/plan.ts'
import { type JobDetails, makeTraceParent } from '../../../core/program.ts'
import { EMR_SERVERLESS } from '../../../core/records/launch.ts'
import type { ClaimedAttempt } from '../../../engine/claim.ts'
import type { Launching } from '../../../engine/context.ts'
import type { LaunchParts } from '../../../engine/launch.ts'
import { type BundledPrograms, findBundledJob } from '../../../project/bundled.ts'
import type { Settings } from '../environment.ts'

type Emr = Settings<'emr'>['emr']

/** EMR takes no less: the engine itself stops a job in time, and this ends it if nothing else does. */
const LEAST_MINUTES = 5
const GRACE_MINUTES = 15
/** Seven days: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html */
const MOST_MINUTES = 10_080

/** The application of a job. */
export const makeJobPlaces =
  (programs: BundledPrograms, { applications }: Emr): NonNullable<Launching['placeOf']> =>
  ({ family }) => {
    const target = applications[findBundledJob(programs, family)?.application ?? '']
    return target === undefined ? undefined : { service: EMR_SERVERLESS, target }
  }

/** What the job of an attempt is launched with. */
export const makeJobDetails =
  (programs: BundledPrograms, emr: Emr): LaunchParts<JobDetails>['makeDetails'] =>
  (claimed) => {
    const { planned } = claimed
    const { job, family, policy } = planned
    const bundled = findBundledJob(programs, family)
    const role = emr.roles[bundled?.pool ?? '']
    const logGroup = emr.logGroups[bundled?.pool ?? '']
    if (job === undefined || bundled === undefined || role === undefined || logGroup === undefined)
      return { problem: `the deployment no longer runs ${family} as a job of EMR Serverless` }
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
    const { timeoutMs } = policy
    return {
      details: {
        script,
        arguments: job.arguments ?? [],
        pyFiles,
        properties: makeProperties(claimed, job),
        role,
        logGroup,
        ...(timeoutMs === undefined ? {} : { timeoutMinutes: toMinutes(timeoutMs) }),
      },
    }

    function locateFile(path: string): string | undefined {
      if (path.includes('://')) return path
      const object = bundled?.files[posix.normalize(path)]
      return object === undefined ? undefined : `${emr.files}${object}`
    }
  }

const toMinutes = (ms: number) =>
  Math.min(MOST_MINUTES, Math.max(LEAST_MINUTES, Math.ceil(ms / 60_000) + GRACE_MINUTES))

/** The user's settings of Spark, and which attempt it is as variables of the driver. */
function makeProperties(
  { task: { run, attempt }, planned: { label }, nonce }: ClaimedAttempt,
  { spark = {} }: PlannedJob,
): { [name: string]: string } {
  const variables = {
    SLUICE_RUN: run,
    SLUICE_TASK: label,
    SLUICE_ATTEMPT: String(attempt),
    TRACEPARENT: makeTraceParent({ run, nonce }),
  }
  return {
    ...Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [`spark.emr-serverless.driverEnv.${name}`, value]),
    ),
    ...spark,
  }
}
