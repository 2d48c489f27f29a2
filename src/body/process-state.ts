/** What a body may change of its process, or leave running there. */
export interface ProcessState {
  folder: string
  umask: number
  environment: string
  exitCode: unknown
  /** How many listeners each event of the process has. */
  listeners: Map<string, number>
  /** How many of each kind keep the process alive: timers, sockets, processes, open watches. */
  resources: Map<string, number>
}

/** How the process stands now. */
export function readProcessState(): ProcessState {
  return {
    folder: process.cwd(),
    umask: process.umask(),
    environment: JSON.stringify(process.env),
    exitCode: process.exitCode,
    listeners: new Map(process.eventNames().map((name) => [String(name), process.listenerCount(name)])),
    resources: countBy(process.getActiveResourcesInfo()),
  }
}

/** Writes to the parent on their way, which are ours; and what ends by itself in this turn. */
const OURS = new Set(['WriteWrap', 'PipeWrap', 'Immediate', 'TickObject'])

/** What differs after a body, a phrase each; empty: the next task finds the process as this one did. */
export function listProcessChanges(before: ProcessState, after: ProcessState): string[] {
  return [
    ...(after.folder === before.folder ? [] : [`another working folder (${after.folder})`]),
    ...(after.umask === before.umask ? [] : ['another umask']),
    ...(after.environment === before.environment ? [] : ['a changed process.env']),
    ...(after.exitCode === before.exitCode ? [] : [`process.exitCode ${after.exitCode}`]),
    ...namesWhere(before.listeners, after.listeners, (was, is) => is !== was).map(
      (name) => `listeners of process.on('${name}')`,
    ),
    ...namesWhere(before.resources, after.resources, (was, is) => is > was)
      .filter((kind) => !OURS.has(kind))
      .map((kind) => `a running ${kind}`),
  ]
}

function countBy(names: string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

function namesWhere(
  before: Map<string, number>,
  after: Map<string, number>,
  isLeft: (was: number, is: number) => boolean,
): string[] {
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names].filter((name) => isLeft(before.get(name) ?? 0, after.get(name) ?? 0))
}
