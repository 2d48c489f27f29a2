import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { SluiceError } from '../src/core/errors.ts'
import { POOL_DEFAULTS } from '../src/core/names.ts'
import { DEFAULT_POOL } from '../src/core/plan.ts'
import type { BuiltImage } from '../src/define/image.ts'
import type { LuigiFamily } from '../src/define/luigi.ts'
import type { TaskDefinition } from '../src/define/task.ts'
import { type BundledPrograms, nameLuigiProgram } from '../src/project/bundled.ts'
import type { Project } from '../src/project/load-config.ts'

/** The image of a program: a reference, or a folder that is built. */
export type ProgramImage = { reference: string } | { build: BuiltFolder }

/** A folder that is built into an image. */
export interface BuiltFolder {
  /** Path of the build context on this machine. */
  folder: string
  dockerfile: string
  target?: string
  args: { readonly [name: string]: string }
  /** Names of secrets, by the ids under which the Dockerfile mounts them. */
  secrets?: { readonly [id: string]: string }
}

/** The programs of a pool that have one image and the same secrets: one task definition. */
export interface DeployedProgram {
  id: string
  pool: string
  image: ProgramImage
  /** Names of secrets, by environment variable. */
  secrets: { [variable: string]: string }
  /** A program of the image that is started instead of its entry point. */
  entryPoint?: string
}

/** The programs of a project, and which of them each family of containers runs. */
export interface DeployedPrograms {
  programs: DeployedProgram[]
  ofFamilies: BundledPrograms
}

/** Reads the containers of a project; what is built of a branch, tag or commit is put below `outdir`. */
export function readPrograms(
  { tasks, pools, folder }: Pick<Project, 'tasks' | 'pools' | 'folder'>,
  outdir: string,
): DeployedPrograms {
  const programs = new Map<string, DeployedProgram>()
  const ofFamilies: BundledPrograms = {}
  rmSync(outdir, { recursive: true, force: true })
  for (const { name, family, image, pool, secrets: given, entryPoint } of [...tasks.values()].flatMap(
    listFamilyPrograms,
  )) {
    if (pools[pool] === undefined)
      throw makeRefusal(
        `${name} names the pool ${pool}, and the config has no such pool`,
        'Add it to `pools`.',
      )
    const secrets = Object.fromEntries(Object.entries(given).sort())
    const id = hashParts([pool, image, secrets, ...(entryPoint === undefined ? [] : [entryPoint])])
    const { cpu = POOL_DEFAULTS.containerCpu, memoryMb = POOL_DEFAULTS.containerMemoryMb } = pools[pool]
    ofFamilies[name] = { pool, id, cpu, memoryMb, spot: pools[pool].spot ?? true }
    if (!programs.has(id))
      programs.set(id, {
        id,
        pool,
        secrets,
        image: readImage(image, { family, project: folder, outdir: join(outdir, id) }),
        ...(entryPoint === undefined ? {} : { entryPoint }),
      })
  }
  return { programs: [...programs.values()], ofFamilies }
}

/** What a family runs in containers, by the name under which it is launched. */
interface FamilyProgram extends Pick<DeployedProgram, 'pool' | 'secrets' | 'entryPoint'> {
  name: string
  family: string
  image: string | BuiltImage
}

function listFamilyPrograms({ family, container, luigi, policy }: TaskDefinition): FamilyProgram[] {
  const { pool = DEFAULT_POOL, secrets } = policy
  if (container !== undefined) return [{ name: family, family, image: container.image, pool, secrets }]
  if (luigi === undefined || luigi === 'by-params') return []
  const { image, python, families, task } = luigi
  if (image === undefined || luigi.mounts !== undefined)
    throw makeRefusal(
      image === undefined
        ? `${family} runs tasks of Luigi by a Python of this machine`
        : `${family} mounts folders of this machine into its containers`,
      'In a deployment the tasks, their Python and Luigi are in an `image`, and targets in S3 or a database.',
    )
  const make = (name: string, how: LuigiFamily = {}): FamilyProgram => ({
    name,
    family,
    image,
    pool: how.pool ?? DEFAULT_POOL,
    secrets: listLuigiSecrets(how),
    entryPoint: python,
  })
  // Planning runs as the root's family does.
  return [
    make(family, families[task]),
    make(nameLuigiProgram(family)),
    ...Object.entries(families).map(([each, how]) => make(nameLuigiProgram(family, each), how)),
  ]
}

/** Names of secrets of a family of Luigi's tasks, by variable. */
export const listLuigiSecrets = ({ secrets = {} }: LuigiFamily): { [variable: string]: string } =>
  Object.fromEntries(Object.entries(secrets).map(([variable, { secret }]) => [variable, secret]))

function readImage(
  image: string | BuiltImage,
  { family, project, outdir }: { family: string; project: string; outdir: string },
): ProgramImage {
  if (typeof image === 'string') {
    if (image.startsWith('localhost/'))
      throw makeRefusal(
        `the image ${image} of ${family} is on this machine alone`,
        'Push it to a registry, or let Sluice build it, with build(…).',
      )
    return { reference: image }
  }
  const { dockerfile = 'Dockerfile', target, args = {}, ref, secrets } = image
  const local = resolve(project, image.folder)
  const folder = ref === undefined || !existsSync(local) ? local : unpackRef(local, ref, outdir)
  const shown = `${image.folder}${ref === undefined ? '' : ` at ${ref}`}`
  if (!existsSync(folder))
    throw makeRefusal(`there is no folder ${shown} to build the image of ${family} from`)
  if (!existsSync(join(folder, dockerfile)))
    throw makeRefusal(`there is no ${dockerfile} in ${shown}, from which the image of ${family} is built`)
  const names = Object.entries(secrets ?? {}).map(([id, { secret }]) => [id, secret])
  return {
    build: {
      folder,
      dockerfile,
      args,
      ...(target === undefined ? {} : { target }),
      ...(names.length === 0 ? {} : { secrets: Object.fromEntries(names) }),
    },
  }
}

/** Puts what the repository around a folder holds at a branch, tag or commit below `outdir`; the folder itself is only read. */
function unpackRef(folder: string, ref: string, outdir: string): string {
  mkdirSync(outdir, { recursive: true })
  const archive = `${outdir}.tar`
  const calls: [string, string[]][] = [
    // In a folder of a repository `git archive` takes that folder alone, with paths relative to it.
    ['git', ['-C', folder, 'archive', '--format=tar', `--output=${archive}`, ref]],
    ['tar', ['-xf', archive, '-C', outdir]],
  ]
  for (const [command, args] of calls) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
    if (status !== 0)
      throw makeRefusal(
        `the folder ${folder} cannot be read at ${ref}: ${error?.message ?? stderr.trim()}`,
        'ref is a branch, tag or commit of the repository in which the folder is.',
      )
  }
  rmSync(archive)
  return outdir
}

/** Nothing was deployed, and why. */
export const makeRefusal = (why: string, hint?: string) =>
  new SluiceError('invalid_deployment', `${NOTHING}${why}.`, hint === undefined ? {} : { hint })

const NOTHING = 'Nothing was deployed: '

/** Throws one refusal with all of several, if there are any; `what`: of what each is one. */
export function throwRefusals(what: string, refusals: readonly SluiceError[]): void {
  const [first] = refusals
  if (first === undefined) return
  if (refusals.length === 1) throw first
  const all = refusals.map(({ message, hint = '' }) =>
    `\n- ${message.replace(NOTHING, '')} ${hint}`.trimEnd(),
  )
  throw new SluiceError('invalid_deployment', `${NOTHING}${refusals.length} ${what}:${all.join('')}`)
}

/** Sixteen digits that change with the parts. */
export const hashParts = (parts: unknown): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
