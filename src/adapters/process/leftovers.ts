import { readdirSync, readFileSync } from 'node:fs'

/** The variables by which a command is known. Two states may have runs of one name, also on one machine. */
export interface AttemptVariables {
  SLUICE_STATE: string
  SLUICE_RUN: string
  SLUICE_TASK: string
  SLUICE_ATTEMPT: string
}

/**
 * Kills what earlier attempts of the same task run have left behind, with all that they have started: where the engine
 * and the host of a command were killed at the same moment, nobody was left to end it. On Linux, by the environment of
 * processes (proc(5): /proc/pid/environ); elsewhere it does nothing.
 */
export function killLeftovers(attempt: AttemptVariables): void {
  const same = (['SLUICE_STATE', 'SLUICE_RUN', 'SLUICE_TASK'] as const).map(
    (name) => `${name}=${attempt[name]}`,
  )
  for (const pid of processes()) {
    const environment = environmentOf(pid)
    if (!same.every((variable) => environment.includes(variable))) continue
    const number = environment.find((each) => each.startsWith('SLUICE_ATTEMPT='))?.split('=')[1]
    if (Number(number) < Number(attempt.SLUICE_ATTEMPT)) kill(pid)
  }
}

function processes(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** Empty for processes of others and for those that have just ended. */
function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
