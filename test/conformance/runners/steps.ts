import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

type PrintStep =
  /** Prints text as it is, also half lines; `base64` for bytes. */
  | { print: string; to?: 'stdout' | 'stderr' }
  | { base64: string }
  /** Prints a line of so many characters; one that long is no argument of a command. */
  | { printLong: number }
  /** Prints so many MB of lines. */
  | { floodMb: number }

/** What an attempt of the suite does, one after the other; the same for a body and for a command. */
export type Step =
  | PrintStep
  /** Prints a line and waits until it is asked to stop; then it goes on. */
  | { wait: string }
  /** Prints a line and never ends, whatever it is asked. */
  | { ignore: string }
  | { sleepMs: number }
  | { fail: string }
  | { exit: number }
  /** Uses memory until there is none. */
  | { fillMemory: true }
  /** Starts a program that does not end, and prints its process id as `left PID`. */
  | { leave: true }
  /** Writes an output: `a` and `b` of a body, `a` of a command. */
  | { write: 'a' | 'b'; text: string }
  /** Writes the plan lines that a command yields. */
  | { yields: string }

/** What steps need of what runs them. */
export interface Place {
  print(text: string | Buffer, to: 'stdout' | 'stderr'): void
  write(output: 'a' | 'b', text: string): Promise<unknown> | void
  stopped: Promise<unknown>
}

/** Runs steps. */
export async function runSteps(steps: Step[], place: Place): Promise<void> {
  for (const step of steps) await runStep(step, place)
}

function runStep(step: Step, place: Place): unknown {
  if ('sleepMs' in step) return sleep(step.sleepMs)
  if ('fail' in step) throw new Error(step.fail)
  if ('exit' in step) return process.exit(step.exit)
  if ('fillMemory' in step) return fillMemory()
  if ('leave' in step) return leave(place)
  if ('write' in step) return place.write(step.write, step.text)
  if ('yields' in step) return writeFileSync(process.env.SLUICE_REQUIRES ?? '', step.yields)
  if ('wait' in step || 'ignore' in step) return wait(step, place)
  return print(step, place)
}

function print(step: PrintStep, place: Place): unknown {
  if ('floodMb' in step) return flood(step.floodMb, place)
  if ('print' in step) return place.print(step.print, step.to ?? 'stdout')
  if ('base64' in step) return place.print(Buffer.from(step.base64, 'base64'), 'stdout')
  return place.print(`${'x'.repeat(step.printLong)}\n`, 'stdout')
}

async function wait(step: { wait: string } | { ignore: string }, place: Place): Promise<void> {
  const isHeeding = 'wait' in step
  place.print(`${isHeeding ? step.wait : step.ignore}\n`, 'stdout')
  const alive = setInterval(() => {}, 1_000)
  await (isHeeding ? place.stopped : new Promise(() => {}))
  clearInterval(alive)
}

async function flood(mb: number, { print }: Place): Promise<void> {
  const block = `${'0123456789'.repeat(100)}\n`.repeat(100)
  for (let written = 0; written < mb * 1_000_000; written += block.length) {
    print(block, 'stdout')
    await sleep(0)
  }
}

async function fillMemory(): Promise<void> {
  const kept: number[][] = []
  for (;;) {
    kept.push(Array.from({ length: 500_000 }, (_, n) => n + kept.length))
    await sleep(1)
  }
}

async function leave({ print }: Place): Promise<void> {
  const { pid } = spawn('sleep', ['600'], { stdio: 'ignore' })
  print(`left ${pid}\n`, 'stdout')
}

/** The steps of a command: `steps.ts JSON`. */
async function runCommand(steps: Step[]): Promise<void> {
  const stopped = new Promise((resolve) => process.on('SIGTERM', resolve))
  await runSteps(steps, {
    print: (text, to) => void process[to].write(text),
    write: (_, text) => writeFileSync(process.env.SLUICE_OUTPUT ?? '', text),
    stopped,
  })
}

if (process.argv[1] === import.meta.filename)
  await runCommand(JSON.parse(process.argv[2] ?? '[]')).catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
