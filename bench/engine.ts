/** What of Sluice a benchmark calls; loaded as a whole, so that its compiled code can be kept between processes. */
import '../src/project/resolve-self.ts'

export { growFreely, growThriftily } from '../src/cli/heap.ts'
export { workOnRuns } from '../src/control/follow-runs.ts'
export { findRoot, requestFor, startRun } from '../src/control/requests.ts'
export { openHome } from '../src/homes/local/home.ts'
export { loadProject } from '../src/project/load-config.ts'
