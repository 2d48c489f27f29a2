import fs, { mkdirSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'

/**
 * `node bench/completeness.ts folder|dates SIZE FOLDER`: makes files, then asks which of them are there, counting the
 * requests to the file system. The last line is JSON.
 */
const [tree = 'folder', size = '100000', folder = ''] = process.argv.slice(2)
const pathOf = (number: number) => {
  if (tree === 'folder') return `all/${number}`
  const day = new Date(Date.UTC(2000, 0, 1) + Math.floor(number / 24) * 86_400_000).toISOString().slice(0, 10)
  return `${day.replaceAll('-', '/')}/${number % 24}`
}
const paths = Array.from({ length: Number(size) }, (_, number) => pathOf(number))
for (const path of paths) {
  const full = join(folder, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, '')
}

let requests = 0
function count(of: Record<string, unknown>, name: string): void {
  const original = of[name] as (...args: unknown[]) => unknown
  of[name] = (...args: unknown[]) => {
    requests++
    return original.apply(of, args)
  }
}
for (const name of ['readdir', 'stat', 'access']) count(fs.promises as never, name)
for (const name of ['readdirSync', 'statSync', 'existsSync', 'accessSync']) count(fs as never, name)
syncBuiltinESMExports()

const { makeFileStorage } = await import('../src/adapters/files/file-storage.ts')
const storage = makeFileStorage(folder)
const start = performance.now()
const there = await storage.existMany(paths)
const seconds = (performance.now() - start) / 1000
console.log(JSON.stringify({ seconds, requests, ok: there.every(Boolean) }))
