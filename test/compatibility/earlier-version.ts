import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '../support/folders.ts'

/** The commit whose states and deployments this version has to go on with. */
const COMMIT = '181654df2712cf4cee8ecdf416f39486cc0a1243'
/** Not below `node_modules`: Node runs no TypeScript there, and `npm ci` would empty it. */
const CACHE = join(projectFolder, '.cache/versions')

/**
 * The folder of a checkout of the earlier version, with its libraries; made once and kept.
 * Throws if git does not have the commit and cannot fetch it.
 */
export function earlierVersion(): string {
  const folder = join(CACHE, COMMIT)
  if (existsSync(folder)) return folder
  requireCommit()
  const beside = `${folder}.${process.pid}`
  mkdirSync(beside, { recursive: true })
  try {
    const archive = execFileSync('git', ['archive', COMMIT], { cwd: projectFolder, maxBuffer: 1 << 30 })
    execFileSync('tar', ['-x', '-C', beside], { input: archive })
    addLibraries(beside)
    renameSync(beside, folder)
  } catch (error) {
    rmSync(beside, { recursive: true, force: true })
    // Another process has made it meanwhile.
    if (!existsSync(folder)) throw error
  }
  return folder
}

function requireCommit(): void {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: projectFolder, stdio: 'pipe' })
  try {
    git('cat-file', '-e', `${COMMIT}^{commit}`)
  } catch {
    try {
      git('fetch', '--depth', '1', 'origin', COMMIT)
    } catch (cause) {
      throw new Error(
        `Git has no commit ${COMMIT}, the version that this one is compared with, and cannot fetch it from origin. Clone the repository with its history: git fetch --unshallow.`,
        { cause },
      )
    }
  }
}

/** Links the libraries of this checkout if they have the versions of the earlier one; installs its own otherwise. */
function addLibraries(folder: string): void {
  const [own, earlier] = [projectFolder, folder].map(
    (each) => JSON.parse(readFileSync(join(each, 'package-lock.json'), 'utf8')).packages,
  )
  const { dependencies, devDependencies } = earlier['']
  const versionOf = (packages: typeof own, name: string) => packages[`node_modules/${name}`]?.version
  const isSame = Object.keys({ ...dependencies, ...devDependencies }).every(
    (name) => versionOf(own, name) === versionOf(earlier, name),
  )
  if (isSame) symlinkSync(join(projectFolder, 'node_modules'), join(folder, 'node_modules'))
  else execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'pipe' })
}
