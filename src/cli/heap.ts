import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Keeps this process small while it plans; to be called once everything has been loaded. V8 lets a heap grow to four times
 * what is alive before it looks for garbage, and the spaces of young objects to 32 MB each: planning 100,000 tasks took 650 MB
 * when 100 are alive. This takes less, and no more time: most of what is young dies in a few milliseconds, in what a
 * processor's cache holds.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  growBy(40)
}

/** Above this, what planning has left is collected before tasks run. */
const LARGE_BYTES = 300 * 1024 * 1024

/**
 * While tasks run little is alive, however large the graph, and looking for garbage less often takes a tenth less time. What
 * planning of a large graph has left would stay for long then: a gigabyte of a million tasks, which their commands may need.
 */
export function letHeapGrow(): void {
  growBy(200)
  if (process.memoryUsage().heapUsed > LARGE_BYTES) collectGarbage()
}

const growBy = (percent: number) => setFlagsFromString(`--heap-growing-percent=${percent}`)

/** V8 shows its collector only to contexts that are made after this flag was set. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  setFlagsFromString('--no-expose-gc')
}
