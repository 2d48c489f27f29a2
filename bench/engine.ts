/** What of Sluice a benchmark calls; loaded as a whole, so that its compiled code can be kept between processes. */
import '../src/project/resolve-self.ts'

export { keepHeapSmall, letHeapGrow } from '../src/cli/heap.ts'
export { workOnRuns } from '../src/control/follow-runs.ts'
export { findRequestRoot, joinOrStartRun, makeCheckedRequest } from '../src/control/requests.ts'
export { openLocalHome } from '../src/homes/local/home.ts'
export { loadProject } from '../src/project/load-config.ts'
