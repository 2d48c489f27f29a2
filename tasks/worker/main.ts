import { main } from '../../src/cli/main.ts'
import { runWorker } from './worker.ts'

/** What the image runs: `worker` drains a pool's queue; anything else is the command, with the embedded engine. */
const args = process.argv.slice(2)
if (args[0] === 'worker') await runWorker()
else await main(args)
