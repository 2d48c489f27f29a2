import { runnersSuite } from '../conformance/runners.suite.ts'

runnersSuite('container', { isolates: true, runsBodies: false, sharesProcesses: false })
