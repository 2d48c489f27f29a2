import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The project whose pipelines are measured; both versions run this one. */
const PROJECT = ['pipelines.ts', 'shapes.ts', 'sluice.config.ts']

/**
 * Packs a checkout and installs the package into `folder`, with the project of the benchmark beside it, as a user has both.
 * Returns the folder of the installed package. Takes a minute, and the package registry.
 */
export function installPackage(checkout: string, folder: string): string {
  const run = (cwd: string, ...args: string[]) =>
    execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  const project = join(folder, 'project')
  mkdirSync(project)
  run(checkout, 'pack', '--silent', '--pack-destination', folder)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  writeFileSync(join(project, 'package.json'), '{"type":"module"}\n')
  run(project, 'install', '--silent', '--no-audit', '--no-fund', join(folder, tarball), 'zod')
  for (const name of PROJECT) copyFileSync(join(import.meta.dirname, name), join(project, name))
  return join(project, 'node_modules/sluice')
}
