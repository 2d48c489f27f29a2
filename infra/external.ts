import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { SluiceError } from '../src/core/errors.ts'

/** Platform of the functions. */
const PLATFORM = { os: 'linux', cpu: 'arm64', libc: 'glibc' }
/** Machine of an ELF file for 64-bit ARM: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
const AARCH64 = 183

/** An installed package. */
interface InstalledPackage {
  name: string
  /** Its folder, without links. */
  folder: string
  /** Whether it may be missing, because only other platforms need it. */
  isOptional: boolean
}

/**
 * Puts packages that are not bundled, and their dependencies, beside a bundle. Packages with compiled parts are installed
 * for the functions' platform, from the project's lockfile; all others are copied as they are installed.
 */
export function copyExternalPackages(project: string, external: readonly string[], outdir: string): void {
  if (external.length === 0) return
  let folders = copyAll(project, external, outdir)
  if (!folders.some(hasCompiledParts)) return
  rmSync(join(outdir, 'node_modules'), { recursive: true, force: true })
  folders = copyAll(installForFunctions(project, external), external, outdir)
  refuseOtherPlatforms(folders)
}

/** Copies packages with their dependencies; returns the folders of all copies. */
function copyAll(from: string, names: readonly string[], outdir: string): string[] {
  const copies: string[] = []
  /** Packages directly in `node_modules`, by name. */
  const shared = new Map<string, string>()
  const copy = ({ name, folder, isOptional: _ }: InstalledPackage, parent: string): void => {
    const top = join(outdir, 'node_modules', name)
    const isFree = !shared.has(name)
    if (shared.get(name) === folder) return
    // Another version is in `node_modules` already, so this one goes into the folder of its parent.
    const to = isFree ? top : join(parent, 'node_modules', name)
    if (existsSync(to)) return
    if (isFree) shared.set(name, folder)
    cpSync(folder, to, { recursive: true, dereference: true, filter: (path) => !isNested(folder, path) })
    copies.push(to)
    for (const each of listDependencies(folder)) copy(each, to)
  }
  for (const name of names) copy(find(name, from, false) ?? missing(name), outdir)
  return copies
}

const isNested = (folder: string, path: string) =>
  path !== folder && basename(path) === 'node_modules' && dirname(path) === folder

/** Installed dependencies of a package. */
function listDependencies(folder: string): InstalledPackage[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = readPackageFile(folder)
  const optional = { ...optionalDependencies, ...peerDependencies }
  return Object.keys({ ...dependencies, ...optional }).flatMap((name) => {
    const isOptional = name in optional
    const found = find(name, folder, isOptional)
    if (found === undefined && !isOptional) return [missing(name)]
    return found ?? []
  })
}

/** A package as Node would find it from a folder. */
function find(name: string, from: string, isOptional: boolean): InstalledPackage | undefined {
  for (let here = from; ; here = dirname(here)) {
    const path = join(here, 'node_modules', name)
    if (existsSync(path)) return { name, folder: realpathSync(path), isOptional }
    if (here === dirname(here)) return undefined
  }
}

function missing(name: string): never {
  throw new SluiceError(
    'invalid_deployment',
    `The package ${name} is not installed, but needed by \`external\`.`,
    {
      hint: 'Install the packages of the project: npm install',
    },
  )
}

interface PackageFile {
  dependencies?: { [name: string]: string }
  optionalDependencies?: { [name: string]: string }
  peerDependencies?: { [name: string]: string }
  os?: string[]
  cpu?: string[]
}

const readPackageFile = (folder: string): PackageFile =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

function hasCompiledParts(folder: string): boolean {
  const { os, cpu } = readPackageFile(folder)
  return os !== undefined || cpu !== undefined || globSync('**/*.node', { cwd: folder }).length > 0
}

/** Installs the lockfile's packages for the functions' platform; returns the folder. */
function installForFunctions(project: string, external: readonly string[]): string {
  if (!existsSync(join(project, 'package-lock.json')))
    throw new SluiceError(
      'invalid_deployment',
      `${external.join(', ')} have compiled parts, which are installed for functions from package-lock.json beside the config; there is none.`,
      { hint: 'Import the package within the bodies that need it, and run those in a pool of containers.' },
    )
  const folder = join(project, '.sluice', 'deploy', 'dependencies')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    if (existsSync(join(project, name))) copyFileSync(join(project, name), join(folder, name))
  // Install scripts fetch the compiled part of some packages. They fail in packages that check this machine, and those bring all parts.
  const failure = installIn(folder, []) && installIn(folder, ['--ignore-scripts'])
  if (failure === undefined) return folder
  throw new SluiceError('invalid_deployment', `npm ci for functions failed: ${failure}`)
}

/** Why installing failed; undefined if it succeeded. */
function installIn(folder: string, more: string[]): string | undefined {
  const flags = Object.entries(PLATFORM).map(([name, value]) => `--${name}=${value}`)
  const { status, stderr, error } = spawnSync(
    'npm',
    ['ci', '--omit=dev', '--no-audit', '--no-fund', ...flags, ...more],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, npm_config_platform: PLATFORM.os, npm_config_arch: PLATFORM.cpu },
    },
  )
  return status === 0 ? undefined : (error?.message ?? stderr.trim())
}

/** A package that was compiled on this machine has code for the wrong platform. */
function refuseOtherPlatforms(folders: string[]): void {
  const wrong = folders.filter((folder) =>
    globSync('**/*.node', { cwd: folder }).some(
      // Packages with the code of all platforms choose at run time.
      (file) => !file.includes('prebuilds') && !isForFunctions(join(folder, file)),
    ),
  )
  if (wrong.length === 0) return
  throw new SluiceError(
    'invalid_deployment',
    `Compiled parts of ${wrong.map((folder) => basename(folder)).join(', ')} are not for ${PLATFORM.os} on ${PLATFORM.cpu}, on which functions run.`,
    { hint: 'Import the package within the bodies that need it, and run those in a pool of containers.' },
  )
}

function isForFunctions(file: string): boolean {
  const head = readFileSync(file).subarray(0, 20)
  return head.length === 20 && head.toString('latin1', 1, 4) === 'ELF' && head.readUInt16LE(18) === AARCH64
}
