import { runnersSuite } from './runners.suite.ts'

runnersSuite('inline', { isolates: false, runsBodies: true })
runnersSuite('process', { isolates: true, runsBodies: true })
runnersSuite('command', { isolates: true, runsBodies: false })
