import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/*
 * `node bench/containers.ts [TASKS] [IMAGE]`: container tasks that write one small file each, two at once, beside the same
 * programs started by the engine of containers alone; then once more with an engine that is killed twice in the middle. It takes
 * minutes, an image with `sh`, and Docker or Podman; it is no part of the gate.
 */
const [tasks = '200', image = 'localhost/sluice-test-node:24'] = process.argv.slice(2)
const SIZE = Number(tasks)
const AT_ONCE = 2
const root = resolve(import.meta.dirname, '..')
const engine = spawnSync('docker', ['ps']).status === 0 ? 'docker' : 'podman'
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))

writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
writeFileSync(
  join(folder, 'sluice.config.ts'),
  `import { container, defineConfig, file, pipeline, task } from 'sluice'
import { z } from 'zod'
const n = z.number()
const One = container('One', { params: { n }, image: '${image}', output: ({ n }) => file('made/' + n),
  command: ['sh', '-c', 'id=$(cat /proc/sys/kernel/random/uuid); echo ran $id; echo $id > $SLUICE_OUTPUT'] })
const All = task('All', { requires: () => Array.from({ length: ${SIZE} }, (_, index) => One({ n: index })) }, () => {})
export default defineConfig({ pipelines: [pipeline('all', All)] })
`,
)

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1)
const show = (what: string, since: number) =>
  console.log(`${what}: ${seconds(since)} s, load ${loadavg()[0]?.toFixed(1)}`)

const startRun = (state: string): ChildProcess =>
  spawn(
    process.execPath,
    [
      join(root, 'bin/sluice.js'),
      'run',
      'all',
      '--concurrency',
      String(AT_ONCE),
      '--state',
      state,
      '--data',
      `${state}-data`,
    ],
    { cwd: folder, stdio: 'ignore' },
  )
const ended = (child: ChildProcess) => new Promise<number | null>((settle) => child.once('close', settle))
const countMade = (state: string) => globSync(`${state}-data/made/*`, { cwd: folder }).length

async function runBare(): Promise<void> {
  const out = join(folder, 'bare')
  mkdirSync(out)
  let next = 0
  const work = async () => {
    for (let index = next++; index < SIZE; index = next++) {
      const program = `echo $(cat /proc/sys/kernel/random/uuid) > /out/${index}`
      const args = ['run', '--rm', '--pull', 'never', '--volume', `${out}:/out`, image, 'sh', '-c', program]
      const code = await ended(spawn(engine, args, { stdio: 'ignore' }))
      if (code !== 0) throw new Error(`a bare container ended with ${code}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** How many programs ran, by what they printed themselves; one that was adopted prints the same again. */
function countPrograms(state: string): number {
  const lines = globSync(`${state}/logs/*/*.jsonl`, { cwd: folder }).flatMap((path) =>
    [...readFileSync(join(folder, path), 'utf8').matchAll(/ran ([0-9a-f-]{36})/g)].map(([, id]) => id),
  )
  return new Set(lines).size
}

async function main(): Promise<void> {
  let since = performance.now()
  await runBare()
  show(`${SIZE} programs by ${engine} run, ${AT_ONCE} at once`, since)

  since = performance.now()
  const code = await ended(startRun('plain'))
  show(`${SIZE} container tasks by sluice run, exit code ${code}, ${countMade('plain')} made`, since)

  since = performance.now()
  for (const share of [1 / 3, 2 / 3]) {
    const run = startRun('killed')
    while (countMade('killed') < SIZE * share) await new Promise((settle) => setTimeout(settle, 20))
    run.kill('SIGKILL')
    await ended(run)
  }
  const last = await ended(startRun('killed'))
  show(
    `the same with two kills, exit code ${last}, ${countMade('killed')} made by ${countPrograms('killed')} programs`,
    since,
  )
  const left = spawnSync(
    engine,
    ['ps', '--all', '--filter', 'label=sluice.state', '--format', '{{.Labels}}'],
    { encoding: 'utf8' },
  )
  console.log(`containers left: ${left.stdout.split('\n').filter((line) => line.includes(folder)).length}`)
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
