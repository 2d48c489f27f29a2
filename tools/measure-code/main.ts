import { parseArgs } from 'node:util'
import { measureCode } from './measure.ts'
import { COUNTING, renderMeasures } from './report.ts'

/** `npm run measure:code [-- --tree FOLDER] [--json]`: measures this checkout, or another one. */
const { values } = parseArgs({
  options: {
    tree: { type: 'string', default: '.' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const USAGE = `npm run measure:code [-- --tree FOLDER] [--json]

  --tree FOLDER  another checkout (default: the working folder)
  --json         data instead of text

`

if (values.help) console.log(USAGE + COUNTING)
else {
  const measures = measureCode(values.tree)
  console.log(values.json ? JSON.stringify(measures, undefined, 2) : renderMeasures(measures))
}
