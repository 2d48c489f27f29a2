import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { formatFileUri, parseFileUri } from '../../src/planning/file-uris.ts'

const PATHS = [
  '/a',
  '/a/b.c-d_e=f+g@h,i',
  '/a//b',
  '/a/./b',
  '/a/../b',
  '/a/.hidden',
  '/a/b/',
  '/a b',
  '/ä/ß',
  '/a%20b',
  '/a?b#c',
  '/a:b;c&d!e~f*g(h)i$j',
  '/a\'b"c<d>e`f{g}h|i^j[k]l\\m',
]

it('makes the URI of a file, and finds its path again, as Node does', () => {
  for (const path of PATHS) {
    const { href } = pathToFileURL(path)
    assert.equal(formatFileUri(path), href)
    assert.equal(parseFileUri(href), fileURLToPath(href))
  }
  for (const uri of ['file:///a/../b', 'file:///a//b', 'file://localhost/a', 'file:///a%2Eb', 'file:///a?b'])
    assert.equal(parseFileUri(uri), fileURLToPath(uri))
  for (const uri of ['file://other/a', 's3://bucket/a', '/a']) assert.throws(() => parseFileUri(uri))
})
