import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { version } from '../src/cli/version.ts'

/** Contents of a bundle beside Sluice itself. */
export interface BundledProject {
  /** The config's file. */
  path: string
  modules: { path: string }[]
  missing: string[]
  limits: unknown
  /** Pools of containers, and how they are launched. */
  containers: unknown
}

/** Options of a bundle. */
export interface BundleOptions {
  /** Modules that are started, by the name of their file in the bundle. */
  entries: { [name: string]: string }
  project: BundledProject
  outdir: string
  /** Packages that are installed beside the bundle. */
  external?: string[]
  /** Test builds: a module instead of Sluice's own, by the end of its path without extension. */
  replace?: { [path: string]: string }
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
/** Where Sluice's own modules are: the checkout, or the built package. */
export const OWN = fileURLToPath(new URL('..', import.meta.url))
/** One of Sluice's own modules. */
export const resolveOwnModule = (path: string) => join(OWN, `${path}.${extension}`)

/** Lets bundled CommonJS modules load Node's own modules. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/** Bundles entries with a project and all their imports; returns a version: the hash of the bundle. */
export async function bundleEntries({
  entries,
  project,
  outdir,
  external = [],
  replace = {},
}: BundleOptions): Promise<string> {
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  await build({
    entryPoints: Object.entries(entries).map(([out, path]) => ({ in: path, out })),
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Prefers ECMAScript modules to CommonJS, because esbuild leaves out their unused exports.
    mainFields: ['module', 'main'],
    outExtension: { '.js': '.mjs' },
    banner: { js: REQUIRE },
    // Keeps names, because people read stack traces, and a thread gets the source of one function.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'error',
    external,
    plugins: [ownModules(project, replace)],
  })
  return hashFolder(outdir)
}

function ownModules(project: BundledProject, replace: { [path: string]: string }): Plugin {
  return {
    name: 'sluice',
    setup({ onResolve, onLoad }) {
      // A second copy of Sluice would not know the first one's tasks.
      onResolve({ filter: /^sluice$/ }, () => ({ path: resolveOwnModule('src/index') }))
      onLoad({ filter: /[\\/]src[\\/]project[\\/]bundled\.[jt]s$/ }, () => ({
        contents: modulesText(project),
        resolveDir: OWN,
      }))
      // It reads a file of the package, and a bundle does not have that file.
      onLoad({ filter: /[\\/]src[\\/]cli[\\/]version\.[jt]s$/ }, () => ({
        contents: `export const version = ${JSON.stringify(version)}`,
      }))
      for (const [path, by] of Object.entries(replace))
        onLoad({ filter: new RegExp(`${path.replaceAll('/', '[\\\\/]')}\\.[jt]s$`) }, () => ({
          contents: readFileSync(by, 'utf8'),
          loader: by.endsWith('.ts') ? 'ts' : 'js',
          resolveDir: join(by, '..'),
        }))
    },
  }
}

function modulesText({ path, modules, missing, limits, containers }: BundledProject): string {
  const loads = modules.map(
    (module) =>
      `{ path: ${JSON.stringify(relative(dirname(path), module.path))}, load: () => import(${JSON.stringify(module.path)}) }`,
  )
  return [
    'export const bundled = {',
    `  config: () => import(${JSON.stringify(path)}),`,
    `  modules: [${loads.join(', ')}],`,
    `  missing: ${JSON.stringify(missing)},`,
    '}',
    `export const bundledLimits = ${JSON.stringify(limits)}`,
    `export const bundledContainers = ${JSON.stringify(containers)}`,
  ].join('\n')
}

/** Sixteen digits that change when a file of the folder changes. */
export function hashFolder(folder: string): string {
  const hash = createHash('sha256')
  if (!existsSync(folder)) return ''
  for (const name of globSync('**/*', { cwd: folder, withFileTypes: false }).sort()) {
    const path = join(folder, name)
    if (!name.includes('.')) continue
    hash.update(`${name}\n`).update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 16)
}
