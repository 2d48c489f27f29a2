import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** What one measured program tells about itself. */
export interface Told {
  seconds: number
  ok: boolean
  planSeconds?: number
  peakMb?: number
  [more: string]: unknown
}

/** Everything of one benchmark is under this folder, and gone afterwards. */
export const work = join(tmpdir(), `sluice-bench-${process.pid}`)
let folders = 0

/** A folder that nothing has been in. Old ones stay until the end: removing many files slows the file system down for a while. */
export function freshFolder(): string {
  const folder = join(work, String(++folders))
  mkdirSync(folder, { recursive: true })
  return folder
}

export const removeWork = () => rmSync(work, { recursive: true, force: true })

/** Runs a program that prints JSON in its last line. */
export function told(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Told> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.on('error', fail)
    child.on('close', (code) => {
      const last = output.trimEnd().split('\n').at(-1) ?? ''
      if (code !== 0 || !last.startsWith('{'))
        return fail(new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors.slice(-2_000)}`))
      const result = JSON.parse(last) as Told
      if (!result.ok) return fail(new Error(`${program} ${args.join(' ')} did not succeed: ${last}`))
      done(result)
    })
  })
}

const here = (...path: string[]) => resolve(import.meta.dirname, ...path)

/** One run of Sluice in a fresh process. */
export function sluice(pipeline: string, params: object, flags: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const at = flags.includes('--folder') ? [] : ['--folder', freshFolder()]
  const args = ['--pipeline', pipeline, '--params', JSON.stringify(params), ...at, ...flags]
  return told(process.execPath, [here('in-process.ts'), ...args], env)
}

/** The whole command, as somebody types it. */
export const SLUICE = [process.execPath, here('../bin/sluice.js')]
export const script = here
