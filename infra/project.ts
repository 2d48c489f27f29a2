import '../src/project/resolve-self.ts'
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findLuigiShim } from '../src/body/luigi-shim.ts'
import { SluiceError } from '../src/core/errors.ts'
import { POOL_DEFAULTS } from '../src/core/names.ts'
import type { Pool } from '../src/define/config.ts'
import { type DeployedEnvironment, findDeployedEnvironment } from '../src/define/deployed-environment.ts'
import { DECIDERS, findPoolNameProblems } from '../src/define/deployment-options.ts'
import type { Pipeline } from '../src/define/pipeline.ts'
import type { BundledContainers, BundledSettings } from '../src/project/bundled.ts'
import { describeBrokenModule } from '../src/project/check-definitions.ts'
import { loadProject, type Project, requireConfig } from '../src/project/load-config.ts'
import { bundleEntries, type CodeOptions, resolveOwnModule } from './bundle.ts'
import { copyExternalPackages } from './external.ts'
import { type DeployedJobs, readJobs } from './read-jobs.ts'
import { type DeployedProgram, listLuigiSecrets, readPrograms } from './read-programs.ts'

/** A project to deploy: the input of the stack. */
export interface DeployedProject {
  /** Name of the project; may be empty. */
  project: string
  /** Name of the environment. */
  name: string
  environment: DeployedEnvironment
  pipelines: Pipeline[]
  pools: { [name: string]: DeployedPool }
  /** What its tasks in containers run; none: nothing is made for them. */
  programs: DeployedProgram[]
  /** Its jobs of EMR; none: nothing is made for them. */
  jobs: DeployedJobs
  /** Folder with the context of the keeper's image, if there are programs. */
  keeper?: string
  /** Names of the budgets. */
  budgets: string[]
  /** Names of the secrets that tasks use. */
  secrets: string[]
  /** Folders with the code of the functions that are not of one pool, by function. */
  functions: { [name: string]: string }
  /** Changes with the code of the pipelines, or of Sluice. */
  code: string
}

/** A pool with its code. */
export interface DeployedPool extends Pool {
  /** Folder with the code of its function, or the context of its image. */
  folder: string
  /** Changes with its code. */
  version: string
  /** Secrets of its tasks. */
  secrets: string[]
}

/** Options of reading a project for deployment. */
export interface ReadOptions {
  /** The config's file. @default that of the working folder */
  config?: string
  environment: string
  /** Where bundles are written. @default '.sluice/deploy' beside the config */
  outdir?: string
  /** The module that exports the `BUILD` to make. @default what users deploy */
  build?: string | undefined
}

/** Reads a project and bundles its code for AWS; throws one error with all its problems. */
export async function readProject({
  config,
  environment: name,
  outdir,
  build = resolveOwnModule('src/homes/aws/build'),
}: ReadOptions): Promise<DeployedProject> {
  const path = requireConfig(process.cwd(), config)
  const project = await loadProject(path)
  const environment = findDeployedEnvironment(project, name)
  refuseBroken(project)
  refusePoolNames(project)
  const out = outdir ?? join(project.folder, '.sluice', 'deploy', name)
  const { programs, ofFamilies } = readPrograms(project, join(out, 'refs'))
  const jobs = readJobs(project)
  const shared: CodeOptions = {
    project,
    settings: {
      limits: project.limits,
      containers: listContainerPools(project),
      programs: { ...ofFamilies, ...jobs.ofFamilies },
      luigiFamilies: listLuigiFamilies(project),
    },
    build,
    external: environment.external ?? [],
  }
  const deciders = DECIDERS.map((of) => [`${of}/index`, { is: 'function', of }] as const)
  const code = await bundleEntries(Object.fromEntries(deciders), join(out, 'functions'), shared)
  copyExternalPackages(project.folder, shared.external, join(out, 'functions'))
  const pools: DeployedProject['pools'] = {}
  for (const [pool, options] of Object.entries(project.pools))
    pools[pool] = {
      ...options,
      secrets: listPoolSecrets(project, pool),
      ...(await bundlePool(project, pool, join(out, 'pools', pool), shared)),
    }
  return {
    project: project.name,
    name,
    environment,
    pipelines: [...project.pipelines.values()],
    pools,
    programs,
    jobs,
    ...(programs.length === 0 ? {} : { keeper: await bundleKeeper(path, join(out, 'keeper'), shared) }),
    budgets: Object.keys(project.limits.budgets),
    secrets: [...new Set([...jobs.secrets, ...Object.values(pools).flatMap((pool) => pool.secrets)])].sort(),
    functions: Object.fromEntries(DECIDERS.map((each) => [each, join(out, 'functions')])),
    code,
  }
}

function refusePoolNames({ pools }: Project): void {
  const problems = findPoolNameProblems(Object.keys(pools))
  if (problems.length > 0)
    throw new SluiceError('invalid_deployment', `Nothing was deployed:\n- ${problems.join('\n- ')}`)
}

/** How the containers of each pool are launched. */
const listContainerPools = ({ pools }: Project): BundledContainers =>
  Object.fromEntries(
    Object.entries(pools).flatMap(
      ([name, { runsOn, concurrency = POOL_DEFAULTS.mostContainers, spot = true }]) =>
        runsOn === 'fargate' ? [[name, { most: concurrency, spot }]] : [],
    ),
  )

/** Refuses a project with a wrong pipeline. On one machine the others still work, but a deployment would remove a deployed one. */
function refuseBroken({ broken }: Project): void {
  if (broken.length === 0) return
  throw new SluiceError(
    'config_failed',
    `Nothing was deployed, because something in it is wrong:\n- ${broken.map(describeBrokenModule).join('\n- ')}`,
  )
}

/** Names, each once, in order; those of jobs of EMR are not for what runs the pool's own tasks. */
function listPoolSecrets({ tasks }: Project, pool: string): string[] {
  const own = [...tasks.values()].filter(
    ({ policy, emr }) => emr === undefined && (policy.pool ?? 'default') === pool,
  )
  const ofLuigi = Object.values(listLuigiFamilies({ tasks })).flatMap((families) => Object.values(families))
  const names = [
    ...own.flatMap(({ policy }) => Object.values(policy.secrets)),
    ...ofLuigi
      .filter((how) => (how.pool ?? 'default') === pool)
      .flatMap((how) => Object.values(listLuigiSecrets(how))),
  ]
  return [...new Set(names)].sort()
}

/** What the config says of families of Luigi's tasks, by the families of their pipelines. */
const listLuigiFamilies = ({ tasks }: Pick<Project, 'tasks'>): BundledSettings['luigiFamilies'] =>
  Object.fromEntries(
    [...tasks.values()].flatMap(({ family, luigi }) =>
      luigi === undefined || luigi === 'by-params' ? [] : [[family, luigi.families]],
    ),
  )

/** The modules that define the pool's tasks, and no others. */
async function bundlePool(
  { pools, tasks, modules, path }: Project,
  pool: string,
  folder: string,
  shared: CodeOptions,
): Promise<{ folder: string; version: string }> {
  const own = modules.filter(({ families }) =>
    families.some((family) => (tasks.get(family)?.policy.pool ?? 'default') === pool),
  )
  const options: CodeOptions = { ...shared, project: { path, modules: own } }
  if (pools[pool]?.runsOn !== 'fargate') {
    const version = await bundleEntries(
      { index: { is: 'function', of: 'lambda-worker' }, child: { is: 'bodies' } },
      folder,
      options,
    )
    copyExternalPackages(dirname(path), options.external, folder)
    return { folder, version }
  }
  const image = join(folder, 'image')
  const version = await bundleEntries(
    {
      main: { is: 'container' },
      child: { is: 'bodies' },
      'command-host': { is: 'program', of: 'src/runners/command/command-host' },
      supervisor: { is: 'program', of: 'src/runners/process/supervisor' },
    },
    join(image, 'code'),
    options,
  )
  writeFileSync(join(image, 'code', 'version'), version)
  const packed = spawnSync('tar', ['-czf', join(image, 'code.tgz'), '-C', join(image, 'code'), '.'])
  if (packed.status !== 0)
    throw new Error(`the code of ${pool} cannot be packed: ${packed.error ?? packed.stderr}`)
  copyImageParts(dirname(path), image)
  return { folder: image, version }
}

/** The image of the keepers, which have none of the user's modules: what they run is in the plan. */
async function bundleKeeper(path: string, folder: string, shared: CodeOptions): Promise<string> {
  await bundleEntries({ main: { is: 'keeper' } }, join(folder, 'code'), {
    ...shared,
    project: { path, modules: [] },
    external: [],
  })
  // It brings it to programs that run tasks of Luigi.
  copyFileSync(findLuigiShim(), join(folder, 'code', basename(findLuigiShim())))
  copyImageParts(dirname(path), folder)
  return folder
}

/** The Dockerfile and the files from which it installs packages: a layer that changes only with the lockfile. */
function copyImageParts(folder: string, image: string): void {
  copyFileSync(join(resolveOwnModule('worker/main'), '..', 'Dockerfile'), join(image, 'Dockerfile'))
  const dependencies = join(image, 'dependencies')
  mkdirSync(dependencies, { recursive: true })
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    if (existsSync(join(folder, name))) cpSync(join(folder, name), join(dependencies, name))
}
