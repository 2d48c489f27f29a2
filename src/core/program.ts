import { createHash } from 'node:crypto'
import { escapeControlCharacters } from './identity.ts'
import { mustHave } from './must-have.ts'
import { IN_CONTAINER } from './names.ts'
import type { ContainerProgram, PlannedTask } from './plan.ts'
import type { Job } from './ports/working.ts'

/* What the program of a container is told, wherever it runs. */

/** Names of the files by which a program talks with Sluice. */
export const ATTEMPT_FILES = {
  params: 'params.json',
  events: 'events.jsonl',
  requires: 'requires.jsonl',
  checkpoint: 'checkpoint.json',
} as const

/** The program of a task that is a container. */
export const getContainerProgram = ({ container, label }: PlannedTask): ContainerProgram =>
  mustHave(container, `the container of ${label}`)

/** The environment of a program in a container, without its secrets. */
export function makeProgramEnvironment(job: Pick<Job, 'run' | 'task' | 'attempt' | 'nonce' | 'checkpoint'>): {
  [name: string]: string
} {
  const { env, outputs } = getContainerProgram(job.task)
  const [output] = outputs
  const files = `${IN_CONTAINER.attempt}/`
  return {
    ...env,
    SLUICE_RUN: job.run,
    SLUICE_TASK: job.task.label,
    SLUICE_ATTEMPT: String(job.attempt),
    SLUICE_PARAMS: `${files}${ATTEMPT_FILES.params}`,
    SLUICE_EVENTS: `${files}${ATTEMPT_FILES.events}`,
    SLUICE_REQUIRES: `${files}${ATTEMPT_FILES.requires}`,
    ...(output === undefined ? {} : { SLUICE_OUTPUT: `${IN_CONTAINER.outputs}/${output.at}` }),
    ...(job.checkpoint === undefined ? {} : { SLUICE_CHECKPOINT: `${files}${ATTEMPT_FILES.checkpoint}` }),
    TRACEPARENT: makeTraceParent(job),
  }
}

/** The run as the trace and the attempt as the span (W3C Trace Context, version 00). */
export function makeTraceParent({ run, nonce }: Pick<Job, 'run' | 'nonce'>): string {
  const hash = (text: string, digits: number) =>
    createHash('sha256').update(text).digest('hex').slice(0, digits)
  return `00-${hash(run, 32)}-${hash(nonce, 16)}-01`
}

/** How to run in the shell what the task runs. */
export function describeProgram(argv: readonly string[] | undefined): string[] {
  if (argv === undefined) return ['The task runs what the image starts by itself.']
  return [`The task runs, after an entry point of the image: ${argv.map(quoteForShell).join(' ')}`]
}

/** Lines stay, so that a script can be copied; what else steers a terminal is shown. */
const quoteForShell = (text: string): string => {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  const shown = text.split('\n').map(escapeControlCharacters).join('\n')
  return `'${shown.replaceAll("'", `'\\''`)}'`
}

/** What engines and registries say of an image that another try does not bring. */
const NO_IMAGE =
  /manifest unknown|not found|does not exist|no such image|denied|unauthorized|no matching manifest|did not resolve|invalid reference/i

/** What ECS says of an image that has no part for the processor of its task. */
const OTHER_PROCESSOR = /does not contain descriptor matching platform/i

/** Whether a pull failed for good: the image does not exist, may not be read, or is for another processor. */
export const isMissingImage = (message: string): boolean =>
  NO_IMAGE.test(message) || OTHER_PROCESSOR.test(message)

/** What is wrong with the image of a program, if ECS says that it can never be pulled. */
export function explainMissingImage(said: string): string | undefined {
  if (!said.includes('CannotPullContainer') || !isMissingImage(said)) return undefined
  return OTHER_PROCESSOR.test(said)
    ? `its image is made for another kind of processor than the deployment has (--architecture of sluice deploy): ${said}`
    : `its image cannot be pulled: ${said}`
}

/** What differs from one launch of a program to the next. */
export interface ProgramDetails {
  /** Arguments for the image's entry point; absent: what the image starts by itself. */
  argv?: readonly string[]
  /** Variables of the program, without secrets. */
  env: { readonly [name: string]: string }
  /** In units of 1/1024 of a core. */
  cpu: number
  memoryMb: number
  /** On spare capacity first. */
  spot: boolean
}

/** A Spark program as a service of EMR is asked to run it. */
export interface SparkDetails {
  /** URI of the program. */
  script: string
  arguments: readonly string[]
  /** URIs of the modules that it imports, without blanks, commas and quotes. */
  pyFiles: readonly string[]
  /** Settings of Spark; no place for secrets, because EMR shows them. */
  properties: { readonly [name: string]: string }
}

/** What differs from one launch of a job of EMR Serverless to the next. */
export interface JobDetails extends SparkDetails {
  /** ARN of the role that the program has. */
  role: string
  /** Name of the log group that gets what the driver prints. */
  logGroup: string
  /** EMR ends it then, if nothing else has. @default EMR's own, 12 hours */
  timeoutMinutes?: number
}

/** What differs from one step of a cluster to the next. */
export interface StepDetails extends SparkDetails {
  /** ARN of the role that the program has. @default that of the cluster's machines */
  role?: string
  /** The cluster that is made for it, if its target is {@link OWN_CLUSTER}. */
  cluster?: OwnCluster
  /** The log folder of that cluster. */
  logs?: string
}

/** A cluster of EMR that is made for one step, and ends with it. */
export interface OwnCluster {
  release: string
  /** EC2 type of all its machines. */
  instanceType: string
  instances: number
  /** Name of the role of EMR. */
  serviceRole: string
  /** Name of the role, and of the instance profile, that its machines have. */
  instanceProfile: string
  /** @default one that EMR chooses */
  subnet?: string
}
