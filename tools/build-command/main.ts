import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { makeBundle } from '../../src/bundling/bundle.ts'
import { makeZodEntry, readZodVersion } from '../../src/bundling/zod-entry.ts'

/*
 * `node tools/build-command/main.ts`: makes the command of the package in one piece, from what was compiled into `dist`. To find and
 * read its 350 modules takes a command longer than what it does. All other parts of the package stay as they are: a deployment is
 * bundled from them, and processes of bodies are.
 */
const root = resolve(import.meta.dirname, '../..')
const dist = join(root, 'dist')
/** Within the sources, so that its frames and modules are known as Sluice's own. */
const folder = join(dist, 'src/command')

const { outputFiles, metafile } = await makeBundle({
  folder: dist,
  entries: {
    main: `export * from ${JSON.stringify(join(dist, 'src/cli/main.js'))}`,
    index: `export * from ${JSON.stringify(join(dist, 'src/index.js'))}`,
    zod: makeZodEntry(),
  },
  define: {
    // Relative to `src/project/register-resolution.js`.
    BUNDLED: JSON.stringify({
      index: '../command/index.mjs',
      zod: '../command/zod.mjs',
      zodVersion: readZodVersion(),
    }),
  },
  // Clients of AWS are needed rarely, and are large; esbuild is the user's.
  external: ['@aws-sdk/*', '@smithy/*', 'esbuild'],
  keepsUrls: { from: dist, at: folder },
})
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const { path, contents } of outputFiles) writeFileSync(join(folder, basename(path)), contents)
writeFileSync(join(folder, 'LICENSES.txt'), listLicences(Object.keys(metafile.inputs)))
const bytes = outputFiles.reduce((sum, { contents }) => sum + contents.length, 0)
console.log(`The command has ${Math.round(bytes / 1000)} kB in ${outputFiles.length} files.`)

/** The licences of the packages that modules are of, as those ask for. */
function listLicences(modules: string[]): string {
  const packages = new Set(
    modules.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(resolve(dist, path)) ?? []),
  )
  return [...packages].sort().map(readLicence).join('\n\n')
}

function readLicence(path: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
  const [file] = globSync('{LICENSE,LICENCE,License,license}*', { cwd: path })
  const text = file === undefined ? '' : readFileSync(join(path, file), 'utf8')
  return `${name} ${version} (${license})\n\n${text.trim()}\n`
}
