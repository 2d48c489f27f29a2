/* Ports of looking: logs of attempts, and which processes work on a state. */

/** Levels of lines, the least first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** One line of an attempt's log. */
export interface LogLine {
  at: number
  level: (typeof LOG_LEVELS)[number]
  text: string
  /** Says how the attempt ended: it is written when it ends, so that a log that is read elsewhere ends with it. */
  isEnd?: true
}

/** The log of one attempt while it runs. */
export interface AttemptLog {
  /** Keeps the lines at once; a crash of this process loses nothing that was written. */
  write(lines: LogLine[]): void
  /** The last lines as text, 4 KB at most. */
  tail(): string
}

/** Which attempt a log belongs to. */
export interface AttemptName {
  run: string
  number: number
  attempt: number
}

/** A line of an attempt. */
export interface AttemptLine extends LogLine, AttemptName {
  /** Its number in what the attempt has printed, from 1, where nothing tells when it was written. */
  line?: number
}

/** Which lines are wanted. */
export interface LinesQuery {
  run: string
  number?: number
  attempt?: number
  /** Only lines of these levels. @default all */
  levels?: readonly LogLine['level'][]
  /** Lines of jobs of EMR, which are plain text in streams of their own. */
  ofJobs?: true
  /** Log streams that can have them, if they are known; 100 at most. */
  streams?: string[]
  /** Nothing was written before. */
  from: number
  /** Where an earlier page ended. */
  after?: string
}

/** A page of lines; `next` goes on if there is more. */
export interface LinesPage {
  lines: AttemptLine[]
  next?: string
}

/** Logs of attempts. */
export interface Logs {
  open(attempt: AttemptName): AttemptLog
  /** Attempts of a run that have written lines, in order of number and attempt. */
  list(run: string): Promise<AttemptName[]>
  /** Lines from a byte offset on, and the offset after them; no lines if there is nothing new. */
  read(attempt: AttemptName, from: number): Promise<{ lines: LogLine[]; next: number }>
  /** Forgets the lines of a run. */
  remove(run: string): Promise<void>
}

/** Which processes work on the runs of a state. */
export interface Presence {
  /** Says that this process works on runs, until it leaves. */
  announce(): Announcement
  /** Processes that work or, if they were killed, worked; those that left are not among them. */
  list(): Promise<SeenWorker[]>
}

/** What a process says of its work. */
export interface Announcement {
  /** The runs that it works on now; undefined: all. */
  worksOn(runs: readonly string[] | undefined): void
  leave(): void
}

/** A process that has said that it works on runs. */
export interface SeenWorker {
  worker: string
  /** Undefined: all runs. */
  runs: readonly string[] | undefined
  seenAt: number
  isGone: boolean
}
