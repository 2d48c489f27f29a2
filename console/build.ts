import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** The most that the console weighs in all, in bytes after gzip: a page of this size opens at once. */
export const MAX_CONSOLE_BYTES = 100_000

/** Builds the console into a folder; returns what it weighs after gzip, in bytes. Throws if that is too much. */
export async function buildConsole(folder: string): Promise<number> {
  const here = import.meta.dirname
  mkdirSync(folder, { recursive: true })
  await build({
    entryPoints: { app: join(here, 'main.tsx'), layout: join(here, 'drawing/layout-worker.ts') },
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'inline',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  })
  await build({
    entryPoints: { app: join(here, 'app.css') },
    outdir: folder,
    minify: true,
    logLevel: 'warning',
  })
  writeFileSync(join(folder, 'index.html'), readFileSync(join(here, 'index.html')))
  const bytes = ['index.html', 'app.js', 'layout.js', 'app.css'].reduce(
    (sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length,
    0,
  )
  if (bytes > MAX_CONSOLE_BYTES)
    throw new Error(`The console has ${bytes} bytes after gzip; ${MAX_CONSOLE_BYTES} are allowed.`)
  return bytes
}

if (import.meta.main) {
  const bytes = await buildConsole(join(import.meta.dirname, '../dist/console'))
  console.log(`The console has ${(bytes / 1000).toFixed(1)} kB after gzip.`)
}
