import type { BodyJob } from '../../body/body-job.ts'
import type { UncutLine } from '../../core/mask.ts'
import type { LogLine } from '../../core/ports/looking.ts'
import type { BodyEnd } from '../../core/ports/working.ts'
import type { Progress } from '../../core/records/task-run.ts'

/** What the parent says to a child. */
export type ToChild =
  /** Modules of the project that jobs of this process may need. */
  | { type: 'load'; modules: string[] }
  | { type: 'job'; job: BodyJob; modules: string[] }
  | { type: 'stop'; reason: string }
  /** `error`: why the question could not be answered. */
  | { type: 'answer'; id: number; answer?: unknown; error?: string }

/** What a child asks its parent. */
export type Question =
  | { ask: 'may-publish' }
  | { ask: 'reserve'; budget: string; amount: number }
  | { ask: 'block'; budget: string; until: number }

/** What a child says to its parent. */
export type FromChild =
  /** The process has started well. */
  | { type: 'ready' }
  | { type: 'progress'; progress: Progress }
  | { type: 'question'; id: number; question: Question }
  | {
      type: 'done'
      end: BodyEnd
      peakMemoryBytes: number
      cpuSeconds: number
      /** What the body has changed of its process, or left running there: no other task may find that. */
      left: string[]
    }

/** Begins a structured line on a child's standard output; others are plain text. */
export const RECORD_MARK = '\u001e'

/** What a child's structured line holds: a line of the log, or why an attempt that was over has ended the process. */
export type ChildRecord = ({ level: LogLine['level'] } & UncutLine) | { stray: string }

/** The line that ends an attempt on each of a child's streams, so that none of its lines is missed. */
export const makeEndMark = (writer: string) => `${RECORD_MARK}end ${writer}`

const RECORD_START = new RegExp(`(?=${RECORD_MARK})`)

/** A record begins a line of its own, also if the body has printed half a line before it. */
export function splitIntoPieces({ text, ...cut }: UncutLine): UncutLine[] {
  const texts = text.split(RECORD_START)
  return texts.map((each, index) => (index === texts.length - 1 ? { text: each, ...cut } : { text: each }))
}

/** What a structured line holds; undefined if the line is plain text. */
export function parseChildRecord(text: string): ChildRecord | undefined {
  if (!text.startsWith(RECORD_MARK)) return undefined
  try {
    return JSON.parse(text.slice(1))
  } catch {
    return undefined
  }
}
