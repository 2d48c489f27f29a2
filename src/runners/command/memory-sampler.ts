import { readFileSync } from 'node:fs'

const FIRST_MS = 50
const EVERY_MS = 500

/** Watches the memory of a process and its descendants. */
export interface MemorySampler {
  /** The most that they used together; undefined if nothing could be read. */
  peakBytes(): number | undefined
  stop(): void
}

/** Samples resident memory on Linux (proc(5): `VmRSS` of status, task/<tid>/children); elsewhere it knows nothing. */
export function sampleMemory(pid: number | undefined, onSample: (bytes: number) => void): MemorySampler {
  let peak: number | undefined
  const sample = () => {
    const bytes = pid === undefined ? 0 : sumTreeBytes(pid)
    if (bytes === 0) return
    peak = Math.max(peak ?? 0, bytes)
    onSample(bytes)
  }
  let timer = setTimeout(function next() {
    sample()
    timer = setTimeout(next, EVERY_MS).unref()
  }, FIRST_MS).unref()
  return { peakBytes: () => peak, stop: () => clearTimeout(timer) }
}

function sumTreeBytes(pid: number): number {
  const own = Number(/VmRSS:\s+(\d+) kB/.exec(readTextOrEmpty(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
  const children = readTextOrEmpty(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return children.reduce((sum, child) => sum + sumTreeBytes(child), own)
}

function readTextOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
