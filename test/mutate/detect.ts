import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Detector, Seeds } from './fault.ts'

/** What became of looking for a fault: the first sign of it, or undefined where all was well. */
export interface Finding {
  detector: Detector
  sign: string | undefined
  ms: number
}

/** Far beyond what any detector takes; a fault that makes one hang has been seen. */
const HANGS_MS = 300_000

/** Looks with one detector in a folder, until the first sign. */
export async function detect(folder: string, detector: Detector): Promise<Finding> {
  const begin = Date.now()
  const sign = 'seeds' in detector ? await bySeeds(folder, detector) : await byTest(folder, detector.test)
  return { detector, sign, ms: Date.now() - begin }
}

function bySeeds(folder: string, { seeds, of }: Seeds) {
  const args = ['test/simulation/run.ts', '--shard', '--first', '--seeds', String(seeds)]
  return firstSign(folder, of === undefined ? args : [...args, '--of', of], /^(seed .*)$/)
}

const byTest = (folder: string, test: string) =>
  firstSign(folder, ['--test-reporter=tap', test], /^\s*not ok \d+ - (.*)$/)

/** The first line that tells of a fault, or how the process ended where it did not end well. */
function firstSign(folder: string, args: string[], line: RegExp): Promise<string | undefined> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  })
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const end = (sign: string | undefined) => {
    clearTimeout(timer)
    resolve(sign)
    endGroup(child.pid)
  }
  const timer = setTimeout(() => end(`did not end within ${HANGS_MS / 1000} s`), HANGS_MS)
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors = `${errors}${chunk}`.slice(-4_000)
  })
  createInterface({ input: child.stdout }).on('line', (text) => {
    const [, sign] = line.exec(text) ?? []
    if (sign !== undefined) end(sign)
  })
  child.on('close', (code) => end(code === 0 ? undefined : lastWords(errors, code)))
  return promise
}

const lastWords = (errors: string, code: number | null) =>
  errors.split('\n').find((each) => /Error/.test(each)) ?? `exit code ${code}`

/** Whatever a test has started ends with it. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}
