import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeBundle } from '../src/bundling/bundle.ts'
import { version } from '../src/cli/version.ts'
import type { BundledSettings } from '../src/project/bundled.ts'

/** A project as it becomes part of a bundle. */
export interface BundledProject {
  /** The config's file. */
  path: string
  modules: { path: string }[]
}

/** What a deployment's bundles have in common. */
export interface CodeOptions {
  project: BundledProject
  settings: BundledSettings
  /** The module that exports the `BUILD` to make. */
  build: string
  /** Packages that are installed beside the bundle. */
  external: string[]
}

/** The kinds of entries: each is a generated module. */
export type EntryKind =
  /** A module of `functions/`. */
  | { is: 'function'; of: string }
  /** The program of a pool's image. */
  | { is: 'container' }
  /** The program of the keepers' image. */
  | { is: 'keeper' }
  /** The process of bodies. */
  | { is: 'bodies' }
  /** One of Sluice's own programs. */
  | { is: 'program'; of: string }

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
/** Where Sluice's own modules are: the checkout, or the built package. */
export const OWN = fileURLToPath(new URL('..', import.meta.url))
/** One of Sluice's own modules. */
export const resolveOwnModule = (path: string) => join(OWN, `${path}.${extension}`)

/** Bundles entries, by the names of their files, into a folder that is made anew; returns a version: the hash of the bundle. */
export async function bundleEntries(
  entries: { [name: string]: EntryKind },
  outdir: string,
  options: CodeOptions,
): Promise<string> {
  const texts = Object.entries(entries).map(([name, kind]) => [name, makeEntryText(kind, options)])
  const { outputFiles } = await makeBundle({
    entries: Object.fromEntries(texts),
    folder: process.cwd(),
    // A second copy of Sluice would not know the first one's tasks.
    modules: { sluice: resolveOwnModule('src/index') },
    define: { BUNDLED_VERSION: JSON.stringify(version) },
    external: options.external,
  })
  rmSync(outdir, { recursive: true, force: true })
  for (const { path, contents } of outputFiles) {
    const to = join(outdir, relative(process.cwd(), path))
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, contents)
  }
  return hashBundle(outdir)
}

/** An entry passes in what differs between deployments: the project, its settings, and the build. */
function makeEntryText(kind: EntryKind, { project, settings, build }: CodeOptions): string {
  const own = (path: string) => JSON.stringify(resolveOwnModule(path))
  if (kind.is === 'program') return `import ${own(kind.of)}`
  if (kind.is === 'keeper')
    return [
      `import { BUILD } from ${JSON.stringify(build)}`,
      `import { runKeeper } from ${own('src/homes/aws/keeper')}`,
      `await runKeeper(BUILD, ${JSON.stringify(settings)})`,
    ].join('\n')
  const lines = [
    `import { BUILD } from ${JSON.stringify(build)}`,
    `import { setBundledProject } from ${own('src/project/bundled')}`,
    `setBundledProject(${makeModulesText(project)})`,
  ]
  if (kind.is === 'bodies')
    lines.push(`import { serveBodies } from ${own('src/homes/serve-bodies')}`, 'await serveBodies()')
  if (kind.is === 'container') lines.push(`import { start } from ${own('worker/main')}`, 'await start(BUILD)')
  if (kind.is === 'function')
    lines.push(
      `import { start } from ${own(`functions/${kind.of}`)}`,
      `export const handler = await start(BUILD, ${JSON.stringify(settings)})`,
    )
  return lines.join('\n')
}

function makeModulesText({ path, modules }: BundledProject): string {
  const loads = modules.map(
    (module) =>
      `{ path: ${JSON.stringify(relative(dirname(path), module.path))}, load: () => import(${JSON.stringify(module.path)}) }`,
  )
  return `{ config: () => import(${JSON.stringify(path)}), modules: [${loads.join(', ')}], missing: [] }`
}

/** Sixteen digits that change when a file of the folder changes. */
export function hashBundle(folder: string): string {
  const hash = createHash('sha256')
  if (!existsSync(folder)) return ''
  for (const name of globSync('**/*', { cwd: folder, withFileTypes: false }).sort()) {
    if (!basename(name).includes('.')) continue
    hash.update(`${name}\n`).update(readFileSync(join(folder, name)))
  }
  return hash.digest('hex').slice(0, 16)
}
