/** What of Sluice a benchmark calls; loaded as a whole, so that its compiled code can be kept between processes. */
import '../src/local/resolve-self.ts'

export { openHome } from '../src/local/home.ts'
export { followRuns } from '../src/local/run-pipeline.ts'
export { loadProject } from '../src/project/load-config.ts'
export { findRoot, requestFor, startRun } from '../src/project/requests.ts'
