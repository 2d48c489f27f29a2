import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { extname, join, posix } from 'node:path'
import { readErrorMessage, SluiceError } from '../src/core/errors.ts'
import { DEFAULT_POOL } from '../src/core/plan.ts'
import {
  type EmrDefinition,
  type EmrJob,
  findModeProblems,
  isApplicationId,
  isText,
} from '../src/define/emr.ts'
import type { EmrApplication } from '../src/define/emr-application.ts'
import type { TaskDefinition } from '../src/define/task.ts'
import type { BundledJob } from '../src/project/bundled.ts'
import type { Project } from '../src/project/load-config.ts'
import { makeRefusal, throwRefusals } from './read-programs.ts'
import { listClusters, listStepLogs, readStepPlace, type StepCluster } from './read-steps.ts'

/** The jobs of EMR of a project, and what a deployment needs for them. */
export interface DeployedJobs {
  /** Applications that the deployment makes, by name. */
  applications: { [name: string]: EmrApplication }
  /** Ids of the others that jobs name. */
  foreign: string[]
  /** Clusters that run steps. */
  clusters: StepCluster[]
  /** Where the lines of steps are: prefixes of S3. */
  logs: string[]
  /** Pools with jobs. */
  pools: string[]
  /** Those of them with jobs of EMR Serverless, which have a role. */
  rolePools: string[]
  /** Names of the secrets of all jobs. */
  secrets: string[]
  /** Those of jobs of EMR Serverless, by pool: the role of a step is not made by a deployment. */
  roleSecrets: { [pool: string]: string[] }
  /** Files that jobs run, by the names of their objects. */
  files: { [object: string]: JobFile }
  ofFamilies: { [family: string]: BundledJob }
}

/** A file that jobs run. */
export interface JobFile {
  /** Path on this machine. */
  path: string
  /** Hash of its content. */
  hash: string
}

/** Reads the jobs of a project; throws one error with all that is wrong. */
export function readJobs({
  tasks,
  pools,
  folder,
  emr: applications,
}: Pick<Project, 'tasks' | 'pools' | 'folder' | 'emr'>): DeployedJobs {
  const files: DeployedJobs['files'] = {}
  const ofFamilies: DeployedJobs['ofFamilies'] = {}
  const refusals: SluiceError[] = []
  for (const { family, emr, policy } of tasks.values()) {
    if (emr === undefined) continue
    try {
      ofFamilies[family] = readJob(family, emr, policy)
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      refusals.push(error)
    }
  }
  throwRefusals('jobs of EMR cannot be deployed', refusals)
  const named = Object.values(ofFamilies)
  const steps = [...tasks.values()].flatMap(({ emr }) => (emr?.service === 'emr-step' ? [emr] : []))
  const onApplications = named.filter(({ application }) => application !== undefined)
  const foreign = onApplications.map(({ application = '' }) => application).filter(isApplicationId)
  return {
    applications: onApplications.length === 0 ? {} : applications,
    foreign: [...new Set(foreign)],
    clusters: listClusters(steps),
    logs: listStepLogs(steps),
    pools: listPools(named),
    rolePools: listPools(onApplications),
    secrets: listSecrets([...tasks.values()].filter(({ emr }) => emr !== undefined)),
    roleSecrets: Object.fromEntries(
      listPools(onApplications).map((pool) => [
        pool,
        listSecrets(
          [...tasks.values()].filter(
            ({ emr, policy }) => emr?.service === 'emr-serverless' && (policy.pool ?? DEFAULT_POOL) === pool,
          ),
        ),
      ]),
    ),
    files,
    ofFamilies,
  }

  function readJob(family: string, emr: EmrDefinition, policy: TaskDefinition['policy']): BundledJob {
    const { pool = DEFAULT_POOL } = policy
    if (pools[pool] === undefined)
      throw makeRefusal(
        `${family} names the pool ${pool}, and the config has no such pool`,
        'Add it to `pools`.',
      )
    const place =
      emr.service === 'emr-serverless' ? { application: emr.application ?? '' } : readStepPlace(emr)
    const paths = listJobFiles(family, emr).map((path) => posix.normalize(path))
    const named = paths.map((path) => [path, addFile(files, { family, folder, path })] as const)
    return { pool, ...place, files: Object.fromEntries(named) }
  }
}

/** Names, each once. */
const listSecrets = (tasks: Pick<TaskDefinition, 'policy'>[]): string[] => [
  ...new Set(tasks.flatMap(({ policy }) => Object.values(policy.secrets))),
]

const listPools = (jobs: BundledJob[]) => [...new Set(jobs.map(({ pool }) => pool))]

/** The paths of the files that a job may name: those of its definition, or what it names with placeholders. */
function listJobFiles(family: string, { files, job, service }: EmrDefinition): readonly string[] {
  const made = callWithPlaceholders(job)
  const [problem] = service === 'emr-step' && 'job' in made ? findModeProblems(made.job) : []
  if (problem !== undefined) throw makeRefusal(`${family} has a wrong setting of Spark: ${problem}`)
  if (files !== undefined) return files
  const hint = `Name its files: files: ['spark/clicks.py'] in the options of ${family}.`
  if ('problem' in made)
    throw makeRefusal(
      `which files ${family} runs cannot be told without its parameters (${made.problem})`,
      hint,
    )
  const named: unknown[] = [made.job.script, ...(made.job.pyFiles ?? [])]
  const paths = named.filter(isText)
  if (paths.length < named.length || paths.some((path) => path.includes(PLACE)))
    throw makeRefusal(`which files ${family} runs depends on its parameters`, hint)
  return paths.filter((path) => !path.includes('://'))
}

function callWithPlaceholders(job: EmrDefinition['job']): { job: EmrJob } | { problem: string } {
  try {
    const made = job({ params: PLACEHOLDER, input: PLACEHOLDER, output: PLACEHOLDER } as never)
    return { job: { ...made, pyFiles: [...(made.pyFiles ?? [])] } }
  } catch (error) {
    return { problem: readErrorMessage(error) }
  }
}

/** Stands for a parameter. */
const PLACE = '\u0000'

/** Stands for parameters, inputs and outputs: whatever is read of it is the same again, and as a text it cannot be taken for a path. */
const PLACEHOLDER: unknown = new Proxy(() => PLACEHOLDER, {
  get: (_, name) => {
    if (name === Symbol.toPrimitive || name === 'toString' || name === 'toJSON') return () => PLACE
    return name === Symbol.iterator ? undefined : PLACEHOLDER
  },
})

/** The name of the object of a file, which is noted. */
function addFile(
  files: DeployedJobs['files'],
  { family, folder, path }: { family: string; folder: string; path: string },
): string {
  if (path.startsWith('..') || posix.isAbsolute(path))
    throw makeRefusal(`${family} runs ${path}, which is not in the folder of the config`, 'Move it there.')
  const file = join(folder, path)
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    throw makeRefusal(`${family} runs ${path}, and there is no such file in the folder of the config`)
  const hash = sha256(readFileSync(file))
  // The CDK names the object of an asset by the hash of the hash that it is given.
  const object = `${sha256(hash)}${extname(path)}`
  files[object] = { path: file, hash }
  return object
}

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')
