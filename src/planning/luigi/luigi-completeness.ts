import type { CheckableTask } from '../../core/ports/deciding.ts'
import { askPython, type StartInImage } from './ask-python.ts'

/** So long an answer counts for other tasks that ask for the same. */
const FRESH_MS = 5_000
/** What nobody has asked for so long belongs to a run that is over. */
const FORGET_MS = 5 * 60_000

/** An external task, and when it was asked for and answered, by the monotonic clock. */
interface Awaited {
  line: string
  wantedAt: number
  answeredAt: number
  isComplete: boolean
}

/** The external tasks of one program. */
interface AwaitedOfProgram {
  awaited: Map<string, Awaited>
  asking?: Promise<void> | undefined
}

/**
 * Asks tasks of Luigi whether they are complete. Planning has asked all of them, and a task that runs asks itself first, so only
 * external ones are asked here, again and again: those of one program in one process, all that are awaited at once.
 */
export function makeLuigiCompleteness(
  startInImage: StartInImage | undefined,
): (tasks: readonly CheckableTask[]) => Promise<boolean[]> {
  const programs = new Map<string, AwaitedOfProgram>()
  async function findComplete(key: string, tasks: readonly CheckableTask[]): Promise<string[]> {
    const program = programs.get(key) ?? { awaited: new Map<string, Awaited>() }
    programs.set(key, program)
    const { awaited } = program
    const now = performance.now()
    for (const { id, command } of tasks) {
      const known = awaited.get(id)
      if (known === undefined)
        awaited.set(id, {
          line: command?.argv.at(-1) ?? '',
          wantedAt: now,
          answeredAt: -FRESH_MS,
          isComplete: false,
        })
      else known.wantedAt = now
    }
    await program.asking
    const wanted = tasks.flatMap(({ id }) => awaited.get(id) ?? [])
    if (wanted.some(({ answeredAt }) => performance.now() - answeredAt >= FRESH_MS)) {
      for (const [id, { wantedAt }] of awaited) if (now - wantedAt > FORGET_MS) awaited.delete(id)
      program.asking = askAwaited(tasks[0], startInImage, [...awaited.values()])
      await program.asking
    }
    const complete = tasks.flatMap(({ id }) => (awaited.get(id)?.isComplete ? [id] : []))
    // The next run that awaits it looks again.
    for (const id of complete) awaited.delete(id)
    return complete
  }
  return async (tasks) => {
    const external = tasks.filter(({ policy }) => policy.external)
    const byProgram = Map.groupBy(external, ({ command }) =>
      JSON.stringify([command?.argv.slice(0, -1), command?.folder, command?.env]),
    )
    const answers = await Promise.all([...byProgram].map(([key, group]) => findComplete(key, group)))
    const complete = new Set(answers.flat())
    return tasks.map(({ id }) => complete.has(id))
  }
}

/** A program that cannot be asked now leaves its tasks as they are: they are asked again. */
async function askAwaited(
  task: CheckableTask | undefined,
  startInImage: StartInImage | undefined,
  all: readonly Awaited[],
): Promise<void> {
  const { argv = [], folder = '.', env = {} } = task?.command ?? {}
  const { image, mounts } = task?.container ?? {}
  const [python = '', , , , spec = ''] = argv
  const input = all.map(({ line }) => `${line}\n`).join('')
  const program = { python, folder, env, ...(image && { image }), ...(mounts && { mounts }) }
  await askPython(program, startInImage, { mode: 'complete', spec, input }, (line) => {
    const asked = 'number' in line ? all[line.number] : undefined
    if (asked !== undefined && 'number' in line) asked.isComplete = line.complete
  }).catch(() => {})
  for (const each of all) each.answeredAt = performance.now()
}
