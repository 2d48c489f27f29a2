#!/usr/bin/env node
// Old syntax only: this file has to tell an old Node that it is too old.
import { existsSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

var major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    'error: Sluice needs Node 24 or newer; this is ' +
      process.versions.node +
      ' (' +
      process.execPath +
      ').\nnext: install it from nodejs.org, or put it into your project with: npm install --save-dev node@24',
  )
  process.exit(3)
}
// Loading takes half as long from the second time on. The folder is the user's own, because compiled code is trusted.
try {
  module.enableCompileCache(join(homedir(), '.cache', 'sluice'))
} catch (_error) {
  // A user without a home: everything is compiled each time.
}
// A checkout runs from its sources, without a build; the package has only what was built.
var sources = new URL('../src/cli/main.ts', import.meta.url)
var entry = existsSync(sources) ? sources : new URL('../dist/src/command/main.mjs', import.meta.url)
import(entry.href).then((cli) => cli.main(process.argv.slice(2)))
