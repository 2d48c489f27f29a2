import { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import type { LogLine } from '../core/ports/looking.ts'
import type { Actor } from '../core/records/actor.ts'
import type { Run } from '../core/records/run.ts'
import type { SchedulerLook } from '../luigi/scheduler-reader.ts'
import type { Project } from '../project/load-config.ts'
import type { OpenedShell, Started } from './control.ts'
import type { FoundTask } from './find-tasks.ts'
import type { Home } from './home.ts'
import type { LineSearch } from './log-search.ts'
import type { PlannableRequest } from './requests.ts'

/** The state that a control works on; it is opened when an operation needs it. */
export interface StateHome {
  /** The state, or undefined if none has been made yet. */
  existing(): Promise<Home | undefined>
  /** The state; throws `unknown_run` if none has been made yet. */
  withRuns(): Promise<Home>
  /** The state, made if there is none yet. */
  open(): Promise<Home>
}

/** Tasks of a run that count as complete: their ids, or those of a selection that have not succeeded. */
export type Done = string[] | { where: string }

/** What opening a run is told beside the request: an execution of a deployment plans it anew from this. */
export interface OpenOrder {
  /** The pipeline of a request; absent for a task family. */
  pipeline?: string
  force?: true | string
  interval?: { start: number; end: number }
  /** The run that it follows, perhaps only for one of its tasks or a selection of them, and which tasks count as complete. */
  again?: { run: string; task?: number; where?: string; done?: Done }
}

/** Opens or joins the run of a request. */
export type OpenRun = (home: Home, asked: PlannableRequest, order: OpenOrder) => Promise<Started>

/** Where credentials of this machine or of a deployment are kept. */
export interface SecretKeeper {
  names(): string[] | Promise<string[]>
  set(name: string, value: string): void | Promise<void>
  /** False if there was none. */
  remove(name: string): boolean | Promise<boolean>
}

/** Opens and ends shells of a deployment. */
export interface ShellKeeper {
  /** Throws why none can be opened. */
  open(home: Home, asked: { run: Run; token: string } & FoundTask): Promise<OpenedShell>
  /** False if there is no such shell. */
  end(shell: string): Promise<boolean>
}

/** A line of an attempt, as it was written. */
export interface WrittenLine extends LogLine {
  number: number
  attempt: number
  /** Its number in the log of its attempt, from 1, if the reader counts them. */
  line?: number
  /** The cursor from which a read has this line and some before it; lines that a search has found have it. */
  around?: string
}

/** Which lines are read. */
export interface LineQuery {
  run: Run
  /** The tasks that are wanted, and whether these are all of the run. */
  tasks: readonly FoundTask[]
  isWholeRun: boolean
  attempt: number | undefined
  /** The `next` of the read before. */
  cursor: string | undefined
  /** After about so many lines the read ends, if the reader can. @default none */
  limit?: number | undefined
  /** What is searched; then a read looks through a bounded part, and may end with no line though there is more. */
  search?: LineSearch | undefined
}

/** Reads lines that attempts wrote; `looked` counts those that it looked through. */
export type ReadLines = (
  home: Home,
  query: LineQuery,
) => Promise<{ lines: WrittenLine[]; next: string; isMore: boolean; looked: number }>

/** What a control stands on. */
export interface ControlParts {
  state: StateHome
  project: Project
  /** Who asks now; undefined if it cannot be known. */
  findActor(): Actor | undefined
  /** An engine works on runs by itself; see {@link Control.isHosted}. */
  isHosted: boolean
  /** @default plans and opens the run in this process */
  openRun?: OpenRun
  /** @default the logs of the home */
  readLines?: ReadLines
  secrets: SecretKeeper
  /** @default the command opens shells itself */
  shells?: ShellKeeper
  /** Luigi's central scheduler of this state. @default there is none */
  findLuigid?(): SchedulerLook | undefined
  /** Called once bodies are about to run in this process. */
  onWork?(): void
  close(): Promise<void>
}

/** What is given, as a schema wants it. */
export function checkRequestShape<S extends z.ZodType>(schema: S, given: unknown): z.output<S> {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw new SluiceError('invalid_usage', `The request is wrong: ${z.prettifyError(parsed.error)}`)
}

/** What the cursor of a page says. */
export function parseCursor<S extends z.ZodType>(schema: S, cursor: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(cursor))
  } catch {
    throw new SluiceError('invalid_usage', `${cursor.slice(0, 100)} is no cursor of such a page.`, {
      hint: 'Give the `next` of the page before.',
    })
  }
}
