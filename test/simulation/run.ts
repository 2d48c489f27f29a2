import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { runOnce, runSeed } from './run-seed.ts'
import { isOfKind, type SeedKind } from './simulate.ts'

/**
 * `npm run simulate -- --seeds N --from S`: runs each seed twice on all processors, prints each that shows a violation or
 * takes other steps the second time; exits 1 where one does. `--trace` shows the steps of the seeds; `--first` runs each
 * seed once and stops at the first violation; `--of KIND` takes only those of a
 * kind: `sqlite`, or a feature by its name.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean' },
    shard: { type: 'boolean' },
    first: { type: 'boolean' },
    of: { type: 'string' },
  },
})
const [from, seeds] = [Number(values.from), Number(values.seeds)]
const begin = Date.now()
const problems = values.shard || values.trace ? await here() : await inShards()
for (const problem of problems) console.log(problem)
if (!values.shard)
  console.log(
    `${seeds} seeds, each twice, in ${(Date.now() - begin) / 1000} s: ${problems.length} with violations`,
  )
process.exitCode = problems.length === 0 ? 0 : 1

async function here(): Promise<string[]> {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    if (values.of !== undefined && !isOfKind(seed, values.of as SeedKind)) continue
    const { problem, trace } = values.first ? await runOnce(seed) : await runSeed(seed)
    if (values.trace) console.log(trace.join('\n'))
    if (problem !== undefined) found.push(`seed ${seed}: ${problem}`)
    if (problem !== undefined && values.first) break
  }
  return found
}

/** One process per processor; seeds are independent of each other. */
async function inShards(): Promise<string[]> {
  const shards = Math.min(availableParallelism(), seeds)
  const size = Math.ceil(seeds / shards)
  const all = Array.from({ length: shards }, async (_, shard) => {
    const first = from + shard * size
    const count = Math.min(size, from + seeds - first)
    const args = ['--shard', '--from', String(first), '--seeds', String(count)]
    if (values.of !== undefined) args.push('--of', values.of)
    const ended = promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), ...args])
    // A shard that found something exits 1.
    const { stdout } = await ended.catch((error: { stdout: string; stderr: string }) => {
      if (error.stdout === '') throw error
      return error
    })
    return stdout.trim() === '' ? [] : stdout.trim().split(/\n(?=seed )/)
  })
  return (await Promise.all(all)).flat()
}
