import { type ExecFileSyncOptions, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { seeded } from '../simulation/scheduler.ts'
import { projectFolder } from '../support/folders.ts'
import { until } from '../support/processes.ts'
import { EXCLUSIONS } from './exclusions.ts'
import { FILES } from './files.ts'

/**
 * `npm run test:luigi -- [--venv FOLDER] [--only tests|compare|killed] [--files NAME,…] [--seeds N]`: installs Luigi into a
 * virtual environment, and runs against `sluice luigid` Luigi's own tests, random calls that are compared with Luigi's own scheduler, and the `luigi` command while the scheduler
 * is killed. Ends with `N passed, N failed`. What is left out is printed with its reason.
 */
const { values } = parseArgs({
  options: {
    venv: { type: 'string' },
    only: { type: 'string' },
    files: { type: 'string', default: FILES.join() },
    seeds: { type: 'string', default: '300' },
  },
})

const LUIGI = 'luigi==3.8.1'
const PACKAGES = [LUIGI, 'pytest', 'pytest-timeout', 'mock', 'hypothesis', 'psutil', 'requests', 'sqlalchemy']
const KILLS = 20
const WORKERS = 3

const work = mkdtempSync(join(tmpdir(), 'sluice-luigi-'))
const venv = resolve(values.venv ?? join(work, 'venv'))
const at = (program: string) => join(venv, 'bin', program)
const here = (name: string) => join(import.meta.dirname, name)

/** Luigi and its source package, whose tests are run. Returns the folder of the source. */
function installLuigi(): string {
  const options: ExecFileSyncOptions = { stdio: ['ignore', 'ignore', 'inherit'] }
  if (!existsSync(at('python'))) execFileSync('python3', ['-m', 'venv', venv], options)
  execFileSync(at('pip'), ['install', '--quiet', ...PACKAGES], options)
  const sources = join(venv, 'sources')
  if (!existsSync(sources)) {
    execFileSync(
      at('pip'),
      ['download', '--quiet', '--no-deps', '--no-binary', 'luigi', '-d', sources, LUIGI],
      options,
    )
    const [archive = ''] = readdirSync(sources)
    execFileSync('tar', ['-xzf', archive], { cwd: sources })
  }
  const folder = readdirSync(sources).find((name) => !name.endsWith('.gz')) ?? ''
  // The installed package is tested, and not a copy beside its tests.
  rmSync(join(sources, folder, 'luigi'), { recursive: true, force: true })
  return join(sources, folder)
}

interface Scheduler {
  url: string
  kill(): Promise<void>
}

async function startScheduler(state: string, port: string, isUnderTest: boolean): Promise<Scheduler> {
  const args = [join(projectFolder, 'bin/sluice.js'), 'luigid', '--port', port, '--state', state]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, LUIGI_CONFIG_PATH: '', ...(isUnderTest && { LUIGI_TEST_SUPPORT: '1' }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  const url = () => /http:\/\/\S+:\d+/.exec(output)?.[0]
  await until(() => url() !== undefined || child.exitCode !== null)
  return {
    url: url() ?? '',
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Runs a program whose last line may be `N passed, N failed`. */
function runProgram(
  program: string,
  args: string[],
  options: { cwd?: string; env: object },
): Promise<string> {
  return new Promise((done) => {
    const child = spawn(program, args, { ...options, env: { ...process.env, ...options.env } })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        output += data
      })
    child.on('close', () => done(output))
  })
}

interface Outcome {
  passed: number
  failed: string[]
}

/** Luigi's own tests, whose scheduler is the served one. What fails among others is tried alone, then with Luigi's own scheduler. */
async function runLuigiTests(sources: string): Promise<Outcome> {
  const scheduler = await startScheduler(join(work, 'state'), '0', true)
  const served = {
    SERVED_SCHEDULER: scheduler.url,
    EXCLUDED: JSON.stringify(EXCLUSIONS),
    PYTHONPATH: `${import.meta.dirname}:test`,
  }
  const run = (tests: string[], env: object, ...more: string[]) => {
    const flags = ['-m', 'pytest', '-q', '-rA', '--tb=native', '-W', 'ignore', '--timeout', '120']
    return runProgram(at('python'), [...flags, ...more, ...tests], { cwd: sources, env })
  }
  const files = values.files.split(',').map((name) => `test/${name}_test.py`)
  const output = await run(files, served, '-p', 'served_scheduler')
  for (const line of output.split('\n')) if (/^(excluded|SKIPPED) /.test(line)) console.log(line)
  const passed = listTests(output, 'PASSED').length
  const failed: string[] = []
  for (const test of [...listTests(output, 'FAILED'), ...listTests(output, 'ERROR')])
    if (listTests(await run([test], served, '-p', 'served_scheduler'), 'PASSED').length > 0)
      console.log(`passes alone, and fails after other tests of its file: ${test}`)
    else if (listTests(await run([test], { PYTHONPATH: 'test' }), 'PASSED').length === 0)
      console.log(`fails with Luigi's own scheduler too: ${test}`)
    else failed.push(test)
  await scheduler.kill()
  if (failed.length > 0 || passed === 0) console.log(output.slice(0, 20_000))
  return { passed, failed: passed === 0 ? ['no test has passed'] : failed }
}

/** Tests that pytest names with this word in its summary. */
const listTests = (output: string, word: string): string[] =>
  output.split('\n').flatMap((line) => (line.startsWith(`${word} test/`) ? (line.split(' ')[1] ?? '') : []))

/** Random calls, compared with those of Luigi's own scheduler. */
async function compareCalls(): Promise<Outcome> {
  const scheduler = await startScheduler(join(work, 'compared'), '0', true)
  const output = await runProgram(at('python'), [here('compare_schedulers.py'), values.seeds], {
    env: { SERVED_SCHEDULER: scheduler.url },
  })
  await scheduler.kill()
  console.log(output.trim())
  const [, passed = '0', failed = '1'] = /(\d+) passed, (\d+) failed/.exec(output) ?? []
  return { passed: Number(passed), failed: failed === '0' ? [] : [`${failed} seeds`] }
}

/** The `luigi` command with several workers, while the scheduler is killed again and again. */
async function killScheduler(): Promise<Outcome> {
  const folder = join(work, 'killed')
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'luigi.cfg'),
    '[core]\nrpc-retry-attempts = 1000\nrpc-retry-wait = 1\n[worker]\nkeep_alive = true\nwait_interval = 1\n',
  )
  writeFileSync(join(folder, 'notes'), '')
  const notes = () => readFileSync(join(folder, 'notes'), 'utf8').split('\n').filter(Boolean)
  const random = seeded(11)
  let scheduler = await startScheduler(join(work, 'killed-state'), '0', false)
  const { url } = scheduler
  const port = url.slice(url.lastIndexOf(':') + 1)
  let isOver = false
  const luigi = Array.from({ length: WORKERS }, async () => {
    const flags = ['--module', 'killed_tasks', 'All', '--scheduler-url', url, '--workers', '2', '--no-lock']
    return runProgram(at('luigi'), flags, {
      cwd: folder,
      env: {
        KILLED_TASKS: folder,
        PYTHONPATH: import.meta.dirname,
        LUIGI_CONFIG_PATH: join(folder, 'luigi.cfg'),
      },
    })
  })
  const all = Promise.all(luigi).finally(() => {
    isOver = true
  })
  let kills = 0
  for (; kills < KILLS && !isOver; kills++) {
    const wanted = notes().length + 1 + Math.floor(random() * 6)
    await until(() => notes().length >= wanted || isOver)
    if (isOver) break
    await scheduler.kill()
    scheduler = await startScheduler(join(work, 'killed-state'), port, false)
  }
  const outputs = await all
  await scheduler.kill()
  const problems = findProblems(notes())
  if (kills < KILLS) problems.push(`only ${kills} kills fell into the work`)
  for (const output of outputs)
    if (!/This progress looks :[)|]/.test(output))
      problems.push(`a worker did not end well: ${output.slice(-1_500)}`)
  console.log(`luigi with ${WORKERS} workers, scheduler killed ${kills} times: ${notes().length} notes`)
  return { passed: problems.length === 0 ? 1 : 0, failed: problems }
}

function findProblems(notes: readonly string[]): string[] {
  const running = new Set<string>()
  const ended = new Set<string>()
  const problems: string[] = []
  for (const note of notes) {
    const [what, name = ''] = note.split(' ')
    if (what === 'end') {
      running.delete(name)
      ended.add(name)
      continue
    }
    // A task that has yielded begins again.
    if (running.has(name) && name !== '2-5') problems.push(`${name} runs twice at once`)
    if (ended.has(name)) problems.push(`${name} runs again`)
    running.add(name)
  }
  if (ended.size !== 6 * 12 + 1) problems.push(`${ended.size} tasks have ended`)
  return problems
}

try {
  const sources = installLuigi()
  const parts: [name: string, run: () => Promise<Outcome>][] = [
    ['tests', () => runLuigiTests(sources)],
    ['compare', compareCalls],
    ['killed', killScheduler],
  ]
  const outcomes: Outcome[] = []
  for (const [name, run] of parts) {
    if (values.only !== undefined && name !== values.only) continue
    const outcome = await run()
    console.log(`${name}: ${outcome.passed} passed, ${outcome.failed.length} failed`)
    for (const each of outcome.failed) console.log(`  ${each}`)
    outcomes.push(outcome)
  }
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed.length, 0)
  console.log(`${outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  rmSync(work, { recursive: true, force: true })
}
