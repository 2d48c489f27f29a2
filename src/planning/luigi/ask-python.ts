import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { findLuigiShim, SHIM_IN_CONTAINER } from '../../body/luigi-shim.ts'
import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import type { ContainerProgram } from '../../core/plan.ts'
import { suggestName } from '../../define/suggestion.ts'
import { type LuigiLine, type LuigiRefusal, parseLuigiLine } from './luigi-lines.ts'
import type { LuigiProgram } from './luigi-program.ts'

/** What our program in Python does for one question: see python/sluice_luigi.py. */
type Mode = 'resolve' | 'plan' | 'complete'

/** What asks the tasks: a Python of this machine or of an image. */
export type PythonProgram = Pick<LuigiProgram, 'python' | 'folder' | 'env' | 'image' | 'mounts'>

/** The command that starts a program in a container and ends with it, but for the program's arguments. */
export type StartInImage = (container: ContainerProgram) => Promise<string[]>

/** The last part of what user code has printed, which is shown if it ends before it has answered. */
const TAIL = 4_000

/**
 * Asks the user's code in its own Python, and takes its answers as they come. Throws `luigi_failed`, `unknown_name`,
 * `invalid_parameter` or `invalid_plan` with what has to be corrected.
 */
export async function askPython(
  program: PythonProgram,
  startInImage: StartInImage | undefined,
  { mode, spec, input = '' }: { mode: Mode; spec: string; input?: string },
  take: (line: LuigiLine) => void,
): Promise<void> {
  const { folder, env } = program
  const [python = '', ...args] = await makeArguments(program, startInImage)
  const child = spawn(python, [...args, mode, spec], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise<string | undefined>((resolve, reject) => {
    child.on('error', (error) => reject(makeNoPythonError(python, error)))
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : String(signal ?? code)))
  })
  // A program that ends before it has read everything says why elsewhere.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const said = readTail(child.stderr)
  let refusal: LuigiRefusal | undefined
  try {
    const read = readAnswers(child.stdout, (line) => {
      if ('wrong' in line) refusal = line
      else take(line)
    })
    const [end] = await Promise.all([ended, read])
    if (refusal !== undefined) throw makeRefusalError(refusal)
    if (end !== undefined) throw makeEndError(mode, end, said())
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL')
  }
}

async function makeArguments(program: PythonProgram, start: StartInImage | undefined): Promise<string[]> {
  const { python, image, env, mounts = [] } = program
  if (image === undefined) return [python, '-u', findLuigiShim()]
  if (start === undefined)
    throw new SluiceError('luigi_failed', 'Tasks of Luigi in an image cannot be asked here.')
  const container = {
    image,
    env,
    mounts,
    entryPoint: python,
    inputs: [SHIM_IN_CONTAINER.input],
    outputs: [],
  }
  return [...(await start(container)), '-u', SHIM_IN_CONTAINER.path]
}

async function readAnswers(from: Readable, take: (line: LuigiLine) => void): Promise<void> {
  for await (const line of createInterface({ input: from, crlfDelay: Number.POSITIVE_INFINITY }))
    take(parseLuigiLine(line))
}

function readTail(from: Readable): () => string {
  let text = ''
  from.setEncoding('utf8').on('data', (more: string) => {
    text = `${text}${more}`.slice(-TAIL)
  })
  return () => text.trim()
}

const makeNoPythonError = (python: string, error: Error): SluiceError =>
  new SluiceError('luigi_failed', `The Python ${python} cannot be started: ${error.message}`, {
    cause: error,
    hint: 'Name the Python that has your tasks and Luigi: --python .venv/bin/python, or `python` of the pipeline.',
  })

const CODES: Record<LuigiRefusal['wrong'], ErrorCode> = {
  no_luigi: 'luigi_failed',
  old_luigi: 'luigi_failed',
  no_module: 'luigi_failed',
  unknown_task: 'unknown_name',
  params: 'invalid_parameter',
  endless: 'invalid_plan',
}

/** What has to be corrected, as an error. */
export function makeRefusalError({
  wrong,
  message,
  hint,
  names: [given, ...known],
}: LuigiRefusal): SluiceError {
  const told = given === undefined ? message : `${message}${suggestName(given, known)}`
  return new SluiceError(CODES[wrong], told, hint === null ? {} : { hint })
}

const makeEndError = (mode: Mode, end: string, said: string): SluiceError =>
  new SluiceError(
    'luigi_failed',
    `The code of the tasks ended its process (${end}) before it had answered${mode === 'complete' ? '' : '; nothing was started'}.${said && `\n${said}`}`,
    { hint: 'Look for what ends the process while modules are imported, or in complete() and requires().' },
  )
