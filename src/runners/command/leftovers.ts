import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readErrorCode } from '../../core/errors.ts'

/** The variables by which a command is known. Two states may have runs of one name, also on one machine. */
export interface AttemptVariables {
  SLUICE_STATE: string
  SLUICE_RUN: string
  SLUICE_TASK: string
  SLUICE_ATTEMPT: string
}

/** A process that is killed may have started another at that moment: so often it is looked for more. */
const ROUNDS = 5
/** Up to so many numbers are tried one by one; more are listed. */
const FEW = 1_000
/** Within this time the numbers of processes cannot have come round: a kernel has 32,768 of them at least. */
const SAME_ROUND_MS = 5_000

/**
 * Kills what earlier attempts of the same task run have left behind, with all that they have started: if the engine
 * and the host of a command were killed at the same moment, no process was left to end it. On Linux, by the environment of
 * processes (proc(5): /proc/pid/environ); elsewhere it does nothing.
 */
export function killLeftovers(attempt: AttemptVariables): void {
  killMarkedProcesses(attempt, listProcesses, (number) => number < Number(attempt.SLUICE_ATTEMPT))
}

/**
 * Kills what an attempt's command has started and no signal to its group reaches, such as what `setsid` runs. `pid` is the
 * command's, `ageMs` how long ago it was started.
 */
export function killEscapedProcesses(attempt: AttemptVariables, pid: number, ageMs: number): void {
  const candidates = ageMs < SAME_ROUND_MS ? () => listProcessesSince(pid) : listProcesses
  killMarkedProcesses(attempt, candidates, (number) => number <= Number(attempt.SLUICE_ATTEMPT))
}

function killMarkedProcesses(
  attempt: AttemptVariables,
  candidates: () => number[],
  isWanted: (attempt: number) => boolean,
): void {
  const same = (['SLUICE_STATE', 'SLUICE_RUN', 'SLUICE_TASK'] as const).map(
    (name) => `${name}=${attempt[name]}`,
  )
  const isMarked = (pid: number) => {
    const environment = readEnvironment(pid)
    const number = environment.find((each) => each.startsWith('SLUICE_ATTEMPT='))?.split('=')[1]
    return isWanted(Number(number)) && same.every((variable) => environment.includes(variable))
  }
  for (let round = 0; round < ROUNDS; round++) {
    const found = candidates().filter(isMarked)
    if (found.length === 0) return
    for (const pid of found) kill(pid)
  }
}

/** Processes that were started after this one. Numbers are given in order, and the last one is known (proc(5): /proc/loadavg). */
function listProcessesSince(pid: number): number[] {
  const last = Number(readProcessFile('/proc/loadavg')?.trim().split(' ').at(-1))
  if (!(last >= pid && last - pid <= FEW)) return listProcesses()
  return Array.from({ length: last - pid }, (_, index) => pid + 1 + index)
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch (error) {
    if (isProcessGoneError(error)) return []
    throw error
  }
}

/** Empty for processes of others and for those that have ended; most numbers are of such, and an error for each would cost more than the look. */
const readEnvironment = (pid: number) =>
  existsSync(`/proc/${pid}`) ? (readProcessFile(`/proc/${pid}/environ`)?.split('\0') ?? []) : []

function readProcessFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isProcessGoneError(error)) return undefined
    throw error
  }
}

/** What cannot be read for want of file descriptors may be there. */
const isProcessGoneError = (error: unknown) => !['EMFILE', 'ENFILE'].includes(readErrorCode(error) ?? '')

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
