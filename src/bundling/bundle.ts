import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import type { BuildOptions, BuildResult, Plugin } from 'esbuild'
import { loadModulesLate } from './late-modules.ts'

/** What goes into a bundle. */
export interface Bundle {
  /** The text of each entry, by the name of its file without extension. It imports everything by absolute paths. */
  entries: { [name: string]: string }
  /** Paths in the bundle are relative to this folder. */
  folder: string
  /** Modules by the exact names that stand for them. */
  modules?: { [name: string]: string }
  /** Expressions by the names of the constants that have their values. */
  define?: { [name: string]: string }
  /** Packages that Node finds at run time from the folder of the bundle. */
  external?: string[]
  /** Packages that stay where they are installed now, if their names match. */
  stayInPlace?: RegExp
  /** Where the bundle will be: each module under `from` then has the URL that it has without the bundle. */
  keepsUrls?: { from: string; at: string }
  /** The URL that it will have, if it is one script for a snapshot of V8. @default ECMAScript modules with shared chunks */
  scriptAt?: string
}

/** A bundle in memory: its files, and what it was made of. */
export type MadeBundle = BuildResult<{ write: false; metafile: true }>

/**
 * Lets bundled CommonJS modules load Node's own modules. esbuild does not look into it, so its name must be one that no module has:
 * one that imports `createRequire` itself would declare it twice. In two pieces, because it is no code of this module.
 */
const REQUIRE =
  "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta" +
  '.url);'

/**
 * Makes one piece of Sluice, a project, and what both import: `.mjs` files with shared chunks. All bundles are made here: those of
 * functions, of images, and scripts of snapshots. Throws what is wrong with its place.
 */
export async function makeBundle(bundle: Bundle): Promise<MadeBundle> {
  const { build, stop } = await import('esbuild')
  // Its process would stay until this one ends.
  return build(makeBuildOptions(bundle)).finally(stop)
}

function makeBuildOptions({
  entries,
  folder,
  modules = {},
  define = {},
  external = [],
  stayInPlace,
  keepsUrls,
  scriptAt,
}: Bundle) {
  return {
    entryPoints: Object.keys(entries).map((out) => ({ in: `${ENTRY}${out}`, out })),
    absWorkingDir: folder,
    outdir: '.',
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // Prefers ECMAScript modules to CommonJS, because esbuild leaves out their unused exports.
    mainFields: ['module', 'main'],
    // Keeps names, because people read stack traces, and a thread gets the source of one function.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // Escapes are two to three times as long, and zod has messages in many languages.
    charset: 'utf8',
    logLevel: 'silent',
    define,
    external,
    ...(scriptAt === undefined ? MODULES : makeScriptOptions(scriptAt, define)),
    plugins: [
      provideEntries(entries),
      nameModules(modules),
      ...(stayInPlace === undefined ? [] : [leaveInPlace(stayInPlace)]),
      ...(keepsUrls === undefined ? [] : [keepUrls(keepsUrls)]),
      ...(scriptAt === undefined ? [] : [loadModulesLate]),
    ],
  } satisfies BuildOptions
}

const MODULES = {
  splitting: true,
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  banner: { js: REQUIRE },
} satisfies BuildOptions

/** Joined, because it is no code of this module, either. */
const OWN_URL = ['import.meta', 'url'].join('.')

/** Frames of stacks name it by its URL, as those of modules do. It is one byte a character, and so half as large in a snapshot. */
const makeScriptOptions = (url: string, define: Bundle['define']) =>
  ({
    format: 'cjs',
    charset: 'ascii',
    define: { ...define, [OWN_URL]: JSON.stringify(url) },
    footer: { js: `//# sourceURL=${url}` },
  }) satisfies BuildOptions

const ENTRY = 'entry:'

/** Entries are texts; esbuild asks for them under names that are no paths. */
const provideEntries = (entries: Bundle['entries']): Plugin => ({
  name: 'entries',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^${ENTRY}`) }, ({ path }) => ({
      path: path.slice(ENTRY.length),
      namespace: 'entry',
    }))
    onLoad({ filter: /.*/, namespace: 'entry' }, ({ path }) => ({
      contents: entries[path] ?? '',
      resolveDir: '/',
    }))
  },
})

const nameModules = (modules: { [name: string]: string }): Plugin => ({
  name: 'modules by name',
  setup({ onResolve }) {
    for (const [name, path] of Object.entries(modules))
      onResolve({ filter: new RegExp(`^${RegExp.escape(name)}$`) }, () => ({ path }))
  },
})

const leaveInPlace = (filter: RegExp): Plugin => ({
  name: 'packages that stay in place',
  setup: ({ onResolve }) =>
    onResolve({ filter }, ({ path }) => ({ path: import.meta.resolve(path), external: true })),
})

/** A module finds files beside itself, such as the program of a child process, also when it is in a bundle. */
const keepUrls = ({ from, at }: { from: string; at: string }): Plugin => ({
  name: 'URLs without the bundle',
  setup: ({ onLoad }) =>
    onLoad({ filter: new RegExp(`^${RegExp.escape(from + sep)}`) }, ({ path }) => {
      const url = JSON.stringify(relative(at, path).split(sep).join('/'))
      const text = readFileSync(path, 'utf8')
      if (/import\.meta\.(dirname|filename)/.test(text))
        throw new Error(`${path} has to find what lies beside it by import.meta.url alone`)
      const contents = text.replaceAll('import.meta.url', `new URL(${url}, import.meta.url).href`)
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' }
    }),
})
