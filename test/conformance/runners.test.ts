import { runnersSuite } from './runners.suite.ts'

runnersSuite('inline', { isolates: false, runsBodies: true, sharesProcesses: true })
runnersSuite('process', { isolates: true, runsBodies: true, sharesProcesses: true })
runnersSuite('command', { isolates: true, runsBodies: false, sharesProcesses: true })
