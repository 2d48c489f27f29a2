#!/usr/bin/env node
// Old syntax only: this file has to tell an old Node that it is too old.
var major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    'error: Sluice needs Node 24 or newer; this is ' +
      process.versions.node +
      ' (' +
      process.execPath +
      ').\n' +
      'next: install it from nodejs.org, or put it into your project with: npm install --save-dev node@24',
  )
  process.exit(3)
}
import('../dist/cli/main.js')
  .catch((error) => {
    // A checkout runs from its sources, without a build.
    if (error.code === 'ERR_MODULE_NOT_FOUND' && /dist.cli.main\.js/.test(error.message))
      return import('../src/cli/main.ts')
    throw error
  })
  .then((cli) => cli.main(process.argv.slice(2)))
