import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { findChildBundle } from '../src/bundling/child-bundle.ts'
import { temporaryFolder } from './support/folders.ts'

/** When npm says that every file of a package was changed. */
const PACKED = new Date('1985-10-26T08:15:00Z')

it('a bundle of a child is kept, and made anew where another version has been installed in its place', async (test) => {
  const folder = temporaryFolder(test)
  enableCompileCache(join(folder, 'cache'))
  const source = join(folder, 'worker/child.ts')
  const install = (version: string) => {
    for (const path of [source, join(folder, 'src/index.ts')]) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `console.log('version ${version}')`)
      utimesSync(path, PACKED, PACKED)
    }
  }
  install('1')
  const first = await findChildBundle(source)
  assert.match(readFileSync(first, 'utf8'), /version 1/)
  assert.equal(await findChildBundle(source), first)
  install('2')
  assert.match(readFileSync(await findChildBundle(source), 'utf8'), /version 2/)
})
